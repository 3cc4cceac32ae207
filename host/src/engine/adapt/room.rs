//! Room for the adapter in the memory of a module that takes all that is behind its own for its own, whoever asked for it, as Go's
//! allocator does since Go 1.26. All of the module's addresses move up, and what is below them is the adapter's.

use std::fmt::Display;

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function, FunctionSection, Instruction, MemArg,
    TypeSection, ValType,
    reencode::{Error, Reencode, utils},
};
use wasmparser::{DataKind, Operator, Parser, Payload, TypeRef};

use super::WASI;

/// What is below the module's addresses, in pages of 64 KiB. The first holds the two numbers below and nothing at address zero; the
/// adapter takes two.
const PAGES: u32 = 4;
const ROOM: i32 = (PAGES << 16).cast_signed();

/// Where it is written how many bytes the adapter has taken, and where the adapter writes how many arguments or variables there are.
const TAKEN: i32 = 1024;
const COUNT: i32 = 1032;
const FIRST: i32 = 1 << 16;

/// The function that the adapter takes its memory from: a convention of `wit-component`.
const ALLOCATE: &str = "cabi_realloc_adapter";

/// The functions of WASI 0.1 and what their parameters are: `p` an address; `v` that of pairs of addresses and lengths, and the next
/// parameter is their number; `t` that of a table of addresses, which the function fills; `.` anything else. Source: the WASI 0.1
/// interface in witx, "wasi_snapshot_preview1".
const FUNCTIONS: &[(&str, &str)] = &[
    ("args_get", "tp"),
    ("args_sizes_get", "pp"),
    ("environ_get", "tp"),
    ("environ_sizes_get", "pp"),
    ("clock_res_get", ".p"),
    ("clock_time_get", "..p"),
    ("fd_advise", "...."),
    ("fd_allocate", "..."),
    ("fd_close", "."),
    ("fd_datasync", "."),
    ("fd_fdstat_get", ".p"),
    ("fd_fdstat_set_flags", ".."),
    ("fd_fdstat_set_rights", "..."),
    ("fd_filestat_get", ".p"),
    ("fd_filestat_set_size", ".."),
    ("fd_filestat_set_times", "...."),
    ("fd_pread", ".v..p"),
    ("fd_prestat_dir_name", ".p."),
    ("fd_prestat_get", ".p"),
    ("fd_pwrite", ".v..p"),
    ("fd_read", ".v.p"),
    ("fd_readdir", ".p..p"),
    ("fd_renumber", ".."),
    ("fd_seek", "...p"),
    ("fd_sync", "."),
    ("fd_tell", ".p"),
    ("fd_write", ".v.p"),
    ("path_create_directory", ".p."),
    ("path_filestat_get", "..p.p"),
    ("path_filestat_set_times", "..p...."),
    ("path_link", "..p..p."),
    ("path_open", "..p.....p"),
    ("path_readlink", ".p.p.p"),
    ("path_remove_directory", ".p."),
    ("path_rename", ".p..p."),
    ("path_symlink", "p..p."),
    ("path_unlink_file", ".p."),
    ("poll_oneoff", "pp.p"),
    ("proc_exit", "."),
    ("proc_raise", "."),
    ("random_get", "p."),
    ("sched_yield", ""),
    ("sock_accept", "..p"),
    ("sock_recv", ".v..pp"),
    ("sock_send", ".v..p"),
    ("sock_shutdown", ".."),
];

/// The module with all its addresses [`ROOM`] bytes higher, and a function that gives the adapter what is below.
///
/// # Errors
/// When the module is malformed, or does what no known compiler's do.
pub(super) fn make(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let layout = Layout::read(bytes)?;
    let mut module = wasm_encoder::Module::new();
    let made = Mover { layout }.parse_core_module(&mut module, Parser::new(0), bytes);
    made.map_err(|error| match error {
        Error::UserError(message) => message,
        error => error.to_string(),
    })?;
    Ok(module.finish())
}

/// What must be known before functions and types are added.
struct Layout {
    types: u32,
    /// The imported functions.
    imports: Vec<Import>,
    /// The module's own functions.
    functions: u32,
}

/// An imported function.
struct Import {
    name: &'static str,
    parameters: &'static str,
    function_type: u32,
    has_result: bool,
}

impl Layout {
    fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut function_types = Vec::new();
        let (mut imports, mut functions, mut memories) = (Vec::new(), 0, Vec::new());
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(text)? {
                Payload::TypeSection(types) => {
                    for group in types {
                        for one in group.map_err(text)?.into_types() {
                            function_types.push(one);
                        }
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import.map_err(text)?;
                        let TypeRef::Func(number) = import.ty else {
                            return Err(format!("`{}` of {WASI} is imported, and is no function", import.name));
                        };
                        let known = FUNCTIONS.iter().find(|(name, _)| *name == import.name);
                        let &(name, parameters) =
                            known.ok_or_else(|| format!("{WASI} has no function `{}`", import.name))?;
                        let function = function_types.get(number as usize).ok_or("an import has an unknown type")?;
                        let fits = match &function.composite_type.inner {
                            wasmparser::CompositeInnerType::Func(function) => {
                                let is_right = |(parameter, kind): (&wasmparser::ValType, u8)| {
                                    kind == b'.' || *parameter == wasmparser::ValType::I32
                                };
                                (function.params().len() == parameters.len()
                                    && function.params().iter().zip(parameters.bytes()).all(is_right))
                                .then_some(!function.results().is_empty())
                            }
                            _ => None,
                        };
                        let has_result = fits.ok_or_else(|| format!("`{name}` is imported as something else"))?;
                        imports.push(Import { name, parameters, function_type: number, has_result });
                    }
                }
                Payload::FunctionSection(section) => functions = section.count(),
                Payload::MemorySection(section) => {
                    for memory in section {
                        memories.push(memory.map_err(text)?);
                    }
                }
                _ => {}
            }
        }
        match memories[..] {
            [memory] if !memory.memory64 && !memory.shared && memory.page_size_log2.is_none() => {}
            _ => return Err("it has another memory than one of 32 bits of its own".to_owned()),
        }
        if functions == 0 {
            return Err("it has no functions".to_owned());
        }
        Ok(Self { types: u32::try_from(function_types.len()).map_err(text)?, imports, functions })
    }

    /// The number of the first added function. There is one for each import, in their order, and those of [`Added`] follow.
    fn added(&self) -> u32 {
        self.imports() + self.functions
    }

    fn imports(&self) -> u32 {
        u32::try_from(self.imports.len()).unwrap_or(u32::MAX)
    }

    fn number_of(&self, added: Added) -> u32 {
        self.added() + self.imports() + added as u32
    }
}

/// The functions that are added, besides those that stand in for imports. Their types are added in the same order.
#[derive(Clone, Copy)]
enum Added {
    /// (address, count, distance, by): adds `by` to so many addresses in memory.
    Move,
    /// `memory.grow`, in the module's pages.
    Grow,
    /// `memory.fill`, at the module's address.
    Fill,
    /// `memory.copy`, at the module's addresses.
    Copy,
    /// [`ALLOCATE`].
    Allocate,
}

/// Parameters and results of the added functions, all of 32 bits.
const ADDED: [(Added, usize, usize); 5] =
    [(Added::Move, 4, 0), (Added::Grow, 1, 1), (Added::Fill, 3, 0), (Added::Copy, 3, 0), (Added::Allocate, 4, 1)];

/// Writes the module anew. The numbers of all that was there stay the same, so that what names it, such as the names of functions for
/// stack traces, stays right.
struct Mover {
    layout: Layout,
}

type Moved = Result<(), Error<String>>;

impl Reencode for Mover {
    type Error = String;

    fn parse_type_section(&mut self, types: &mut TypeSection, section: wasmparser::TypeSectionReader<'_>) -> Moved {
        utils::parse_type_section(self, types, section)?;
        for (_, parameters, results) in ADDED {
            types.ty().function(vec![ValType::I32; parameters], vec![ValType::I32; results]);
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Moved {
        utils::parse_function_section(self, functions, section)?;
        for import in &self.layout.imports {
            functions.function(import.function_type);
        }
        for (added, ..) in ADDED {
            functions.function(self.layout.types + added as u32);
        }
        Ok(())
    }

    fn memory_type(&mut self, memory: wasmparser::MemoryType) -> Result<wasm_encoder::MemoryType, Error<String>> {
        let mut memory = utils::memory_type(self, memory);
        memory.minimum += u64::from(PAGES);
        memory.maximum = memory.maximum.map(|maximum| (maximum + u64::from(PAGES)).min(1 << 16));
        Ok(memory)
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Moved {
        utils::parse_export_section(self, exports, section)?;
        exports.export(ALLOCATE, ExportKind::Func, self.layout.number_of(Added::Allocate));
        Ok(())
    }

    /// Whoever calls an import calls what stands in for it.
    fn function_index(&mut self, function: u32) -> Result<u32, Error<String>> {
        let imports = self.layout.imports();
        Ok(if function < imports { self.layout.added() + function } else { function })
    }

    /// Here are names, and numbers that stay the same.
    fn parse_custom_section(
        &mut self,
        module: &mut wasm_encoder::Module,
        section: wasmparser::CustomSectionReader<'_>,
    ) -> Moved {
        module.section(&wasm_encoder::CustomSection { name: section.name().into(), data: section.data().into() });
        Ok(())
    }

    fn parse_data(&mut self, data: &mut DataSection, datum: wasmparser::Data<'_>) -> Moved {
        let DataKind::Active { offset_expr, .. } = datum.kind else {
            return utils::parse_data(self, data, datum);
        };
        let mut reader = offset_expr.get_operators_reader();
        let offset = match reader.read()? {
            Operator::I32Const { value } if reader.is_end_then_eof() => value.wrapping_add(ROOM),
            _ => return Err(Error::UserError("it has data at an address that is not a constant".to_owned())),
        };
        data.active(0, &ConstExpr::i32_const(offset), datum.data.iter().copied());
        Ok(())
    }

    fn mem_arg(&mut self, argument: wasmparser::MemArg) -> Result<MemArg, Error<String>> {
        let mut argument = utils::mem_arg(self, argument)?;
        // What is behind all memory stays there.
        argument.offset = (argument.offset + u64::from(ROOM.cast_unsigned())).min(u64::from(u32::MAX));
        Ok(argument)
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: wasmparser::FunctionBody<'_>) -> Moved {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            let instruction = match reader.read()? {
                Operator::MemorySize { .. } => {
                    function.instructions().memory_size(0).i32_const(PAGES.cast_signed());
                    Instruction::I32Sub
                }
                Operator::MemoryGrow { .. } => Instruction::Call(self.layout.number_of(Added::Grow)),
                Operator::MemoryFill { .. } => Instruction::Call(self.layout.number_of(Added::Fill)),
                Operator::MemoryCopy { .. } => Instruction::Call(self.layout.number_of(Added::Copy)),
                Operator::MemoryInit { .. } => {
                    return Err(Error::UserError("it copies data into its memory by `memory.init`".to_owned()));
                }
                operator => self.instruction(operator)?,
            };
            function.instruction(&instruction);
        }
        code.function(&function);
        Ok(())
    }

    fn parse_code_section(&mut self, code: &mut CodeSection, section: wasmparser::CodeSectionReader<'_>) -> Moved {
        utils::parse_code_section(self, code, section)?;
        for number in 0..self.layout.imports() {
            code.function(&self.stand_in(number)?);
        }
        for (added, ..) in ADDED {
            code.function(&body(added));
        }
        Ok(())
    }
}

impl Mover {
    /// Calls an import with the addresses that the adapter knows.
    fn stand_in(&self, number: u32) -> Result<Function, Error<String>> {
        let import = &self.layout.imports[number as usize];
        let count = u32::try_from(import.parameters.len()).unwrap_or(u32::MAX);
        let of_kind = |wanted: u8| (0..count).zip(import.parameters.bytes()).filter(move |(_, kind)| *kind == wanted);
        let move_by = self.layout.number_of(Added::Move);
        let result = count;
        let mut function = Function::new([(1, ValType::I32)]);
        let mut code = function.instructions();
        for (at, _) in of_kind(b'v') {
            code.local_get(at).i32_const(ROOM).i32_add().local_get(at + 1);
            code.i32_const(8).i32_const(ROOM).call(move_by);
        }
        for (at, kind) in (0..count).zip(import.parameters.bytes()) {
            code.local_get(at);
            if kind != b'.' {
                code.i32_const(ROOM).i32_add();
            }
        }
        code.call(number);
        if import.has_result {
            code.local_set(result);
        }
        for (at, _) in of_kind(b'v') {
            code.local_get(at).i32_const(ROOM).i32_add().local_get(at + 1);
            code.i32_const(8).i32_const(-ROOM).call(move_by);
        }
        for (at, _) in of_kind(b't') {
            let sizes = import.name.replace("_get", "_sizes_get");
            let counts = (0..).zip(&self.layout.imports).find(|(_, other)| other.name == sizes && other.has_result);
            let Some((counts, _)) = counts else {
                return Err(Error::UserError(format!("it imports `{}`, and not `{sizes}`", import.name)));
            };
            code.i32_const(COUNT).i32_const(COUNT + 4).call(counts).drop();
            code.local_get(at).i32_const(ROOM).i32_add().i32_const(COUNT).i32_load(WORD);
            code.i32_const(4).i32_const(-ROOM).call(move_by);
        }
        if import.has_result {
            code.local_get(result);
        }
        code.end();
        Ok(function)
    }
}

/// Four bytes at an address.
const WORD: MemArg = MemArg { offset: 0, align: 0, memory_index: 0 };

fn body(added: Added) -> Function {
    let mut function = Function::new([(1, ValType::I32)]);
    let mut code = function.instructions();
    match added {
        Added::Move => {
            use wasm_encoder::BlockType::Empty;
            code.block(Empty).loop_(Empty).local_get(1).i32_eqz().br_if(1);
            code.local_get(0).local_get(0).i32_load(WORD).local_get(3).i32_add().i32_store(WORD);
            code.local_get(0).local_get(2).i32_add().local_set(0);
            code.local_get(1).i32_const(1).i32_sub().local_set(1).br(0).end().end();
        }
        Added::Grow => {
            // Minus one, where there is no more, stays that.
            code.local_get(0).memory_grow(0).local_tee(1).i32_const(PAGES.cast_signed()).i32_sub();
            code.local_get(1).local_get(1).i32_const(-1).i32_ne().select();
        }
        Added::Fill => {
            code.local_get(0).i32_const(ROOM).i32_add().local_get(1).local_get(2).memory_fill(0);
        }
        Added::Copy => {
            code.local_get(0).i32_const(ROOM).i32_add().local_get(1).i32_const(ROOM).i32_add();
            code.local_get(2).memory_copy(0, 0);
        }
        Added::Allocate => {
            // (old address, its size, alignment, size): nothing is given back or made larger.
            code.i32_const(TAKEN)
                .i32_load(WORD)
                .i32_const(FIRST)
                .i32_add()
                .local_get(2)
                .i32_add()
                .i32_const(1)
                .i32_sub();
            code.i32_const(0).local_get(2).i32_sub().i32_and().local_tee(4);
            code.local_get(3).i32_add().i32_const(ROOM).i32_gt_u();
            code.if_(wasm_encoder::BlockType::Empty).unreachable().end();
            code.i32_const(TAKEN).local_get(4).local_get(3).i32_add().i32_const(FIRST).i32_sub().i32_store(WORD);
            code.local_get(4);
        }
    }
    code.end();
    function
}

fn text(error: impl Display) -> String {
    error.to_string()
}
