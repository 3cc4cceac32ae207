//! Room for the adapter in the memory of a module that takes all that is behind its own for its own, whoever asked for it, as Go's
//! allocator does since Go 1.26. All of the module's addresses move up, and what is below them is the adapter's.

use std::fmt::Display;

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function, FunctionSection, Instruction,
    InstructionSink, MemArg, TypeSection, ValType,
    reencode::{Error, Reencode, utils},
};
use wasmparser::{CompositeInnerType, DataKind, Operator, Parser, Payload, TypeRef, Validator};

use super::{
    WASI,
    functions::{FUNCTIONS, counter},
};

/// What is below the module's addresses, in pages of 64 KiB. The first holds the two numbers below and nothing at address zero. The
/// adapter (of version 50) takes one for its state and one for its stack; one that takes more than three traps at its start.
const PAGES: u32 = 4;
const ROOM: i32 = (PAGES << 16).cast_signed();

/// Where it is written how many bytes the adapter has taken, and where the adapter writes how many arguments or variables there are.
const TAKEN: i32 = 1024;
const COUNT: i32 = 1032;
const FIRST: i32 = 1 << 16;

/// The function that the adapter takes its memory from: a convention of `wit-component`.
const ALLOCATE: &str = "cabi_realloc_adapter";

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
        Error::ParseError(error) => error.to_string(),
        error => error.to_string(),
    })?;
    Ok(module.finish())
}

/// What must be known before functions and types are added.
struct Layout {
    /// How many types there are.
    types: u32,
    /// The imported functions.
    imports: Vec<Import>,
    /// How many these are.
    imported: u32,
    /// The number of the first added function. There is one for each import, in their order, and those of [`Added`] follow.
    added: u32,
}

/// An imported function.
struct Import {
    name: &'static str,
    parameters: &'static str,
    function_type: u32,
    has_result: bool,
}

impl Layout {
    /// # Errors
    /// For what is not valid, so that nothing of that becomes valid by being moved.
    fn read(bytes: &[u8]) -> Result<Self, String> {
        let types = Validator::new().validate_all(bytes).map_err(text)?;
        let types = types.as_ref();
        let (mut imports, mut functions) = (Vec::new(), 0);
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(text)? {
                Payload::ImportSection(section) => {
                    for (import, number) in section.into_imports().zip(0..) {
                        let import = import.map_err(text)?;
                        // Some come twice: Go's packages have each their own.
                        imports.push(Import::new(&import, || &types[types.core_function_at(number)])?);
                    }
                }
                Payload::FunctionSection(section) => functions = section.count(),
                _ => {}
            }
        }
        let memory = (types.memory_count() == 1).then(|| types.memory_at(0));
        if memory.is_none_or(|memory| memory.memory64 || memory.shared || memory.page_size_log2.is_some()) {
            return Err("it has another memory than one of 32 bits of its own".to_owned());
        }
        if functions == 0 {
            return Err("it has no functions".to_owned());
        }
        let imported = u32::try_from(imports.len()).map_err(text)?;
        let added = imported.checked_add(functions).ok_or("it has too many functions")?;
        Ok(Self { types: types.core_type_count_in_module(), imports, imported, added })
    }

    fn number_of(&self, added: Added) -> u32 {
        self.added + self.imported + added as u32
    }
}

impl Import {
    /// # Errors
    /// When it is no function of WASI, or not as WASI has it.
    fn new<'a>(
        import: &wasmparser::Import<'_>,
        function_type: impl FnOnce() -> &'a wasmparser::SubType,
    ) -> Result<Self, String> {
        if import.module != WASI {
            return Err(format!("it imports from `{}`, and does not export `cabi_realloc`", import.module));
        }
        let TypeRef::Func(number) = import.ty else {
            return Err(format!("it imports `{}`, which is no function", import.name));
        };
        let known = FUNCTIONS.iter().find(|(name, _)| *name == import.name);
        let &(name, parameters) = known.ok_or_else(|| format!("{WASI} has no function `{}`", import.name))?;
        let CompositeInnerType::Func(function) = &function_type().composite_type.inner else {
            return Err(format!("it imports `{name}` as something else"));
        };
        let is_right =
            |(parameter, kind): (&wasmparser::ValType, u8)| kind == b'.' || *parameter == wasmparser::ValType::I32;
        let fits = function.params().len() == parameters.len()
            && function.params().iter().zip(parameters.bytes()).all(is_right)
            && matches!(function.results(), [] | [wasmparser::ValType::I32]);
        if !fits {
            return Err(format!("it imports `{name}` with other parameters"));
        }
        Ok(Self { name, parameters, function_type: number, has_result: !function.results().is_empty() })
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

impl Added {
    /// In the order of their numbers.
    const ALL: [Self; 5] = [Self::Move, Self::Grow, Self::Fill, Self::Copy, Self::Allocate];

    /// How many parameters and results it has, all of 32 bits.
    fn shape(self) -> (usize, usize) {
        match self {
            Self::Move => (4, 0),
            Self::Grow => (1, 1),
            Self::Fill | Self::Copy => (3, 0),
            Self::Allocate => (4, 1),
        }
    }
}

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
        for (parameters, results) in Added::ALL.map(Added::shape) {
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
        for added in Added::ALL {
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
        Ok(if function < self.layout.imported { self.layout.added + function } else { function })
    }

    /// Names, and numbers that stay the same. Debug info is about code that moves.
    fn parse_custom_section(
        &mut self,
        module: &mut wasm_encoder::Module,
        section: wasmparser::CustomSectionReader<'_>,
    ) -> Moved {
        if section.name().starts_with(".debug_") {
            return Ok(());
        }
        module.section(&wasm_encoder::CustomSection { name: section.name().into(), data: section.data().into() });
        Ok(())
    }

    fn parse_data(&mut self, data: &mut DataSection, datum: wasmparser::Data<'_>) -> Moved {
        let DataKind::Active { offset_expr, .. } = datum.kind else {
            return utils::parse_data(self, data, datum);
        };
        let mut reader = offset_expr.get_operators_reader();
        let offset = match reader.read()? {
            Operator::I32Const { value } if reader.is_end_then_eof() => {
                value.cast_unsigned().checked_add(ROOM.cast_unsigned())
            }
            _ => return Err(Error::UserError("it has data at an address that is not a constant".to_owned())),
        };
        let offset = offset.ok_or_else(behind_all_memory)?.cast_signed();
        data.active(0, &ConstExpr::i32_const(offset), datum.data.iter().copied());
        Ok(())
    }

    fn mem_arg(&mut self, argument: wasmparser::MemArg) -> Result<MemArg, Error<String>> {
        let mut argument = utils::mem_arg(self, argument)?;
        let offset = u32::try_from(argument.offset).ok().and_then(|offset| offset.checked_add(ROOM.cast_unsigned()));
        argument.offset = offset.ok_or_else(behind_all_memory)?.into();
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
        for number in 0..self.layout.imported {
            code.function(&self.stand_in(number)?);
        }
        for added in Added::ALL {
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
        let parameters = || (0..count).zip(import.parameters.bytes());
        let move_by = self.layout.number_of(Added::Move);
        let move_buffers = |code: &mut InstructionSink<'_>, by: i32| {
            for (at, _) in parameters().filter(|(_, kind)| *kind == b'v') {
                code.local_get(at).i32_const(ROOM).i32_add().local_get(at + 1);
                code.i32_const(8).i32_const(by).call(move_by);
            }
        };
        let result = count;
        let mut function = Function::new([(1, ValType::I32)]);
        let mut code = function.instructions();
        move_buffers(&mut code, ROOM);
        for (at, kind) in parameters() {
            code.local_get(at);
            if kind != b'.' {
                code.i32_const(ROOM).i32_add();
            }
        }
        code.call(number);
        if import.has_result {
            code.local_set(result);
        }
        move_buffers(&mut code, -ROOM);
        for (at, _) in parameters().filter(|(_, kind)| *kind == b't') {
            let counter = counter(import.name).unwrap_or_default();
            let counts = (0..).zip(&self.layout.imports).find(|(_, other)| other.name == counter && other.has_result);
            let Some((counts, _)) = counts else {
                return Err(Error::UserError(format!("it imports `{}`, and not `{counter}`", import.name)));
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

fn behind_all_memory() -> Error<String> {
    Error::UserError("it has an address behind all memory".to_owned())
}

/// Four bytes at an address, of whatever alignment: a guest's tables may have any.
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

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"(module
        (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1 3)
        (table 1 funcref) (elem (i32.const 0) $write)
        (global (mut i32) (i32.const 7))
        (data (i32.const 2048) "text")
        (func (export "_start")
            (drop (memory.grow (memory.size)))
            (memory.fill (i32.const 0) (i32.const 1) (i32.const 2))
            (memory.copy (i32.const 0) (i32.const 1) (i32.const 2))
            (i64.store offset=8 align=4 (i32.const 16) (i64.load32_u (i32.const 24)))
            (drop (call $sizes (i32.const 0) (i32.const 4)))
            (drop (call $args (i32.const 0) (i32.const 4)))
            (drop (call_indirect (param i32 i32 i32 i32) (result i32)
                (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 0))))
        (@custom "name" "\00\02\01x"))"#;

    #[test]
    fn what_is_made_of_a_valid_module_is_valid_and_a_damaged_one_is_refused_or_as_good() {
        let good = wat::parse_str(TEXT).unwrap();
        Validator::new().validate_all(&make(&good).unwrap()).unwrap();
        let mut refused = 0;
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut damaged = good.clone();
                damaged[at] ^= 1 << bit;
                match make(&damaged) {
                    Ok(made) => drop(Validator::new().validate_all(&made).unwrap()),
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(refused > good.len(), "{refused}");
    }
}
