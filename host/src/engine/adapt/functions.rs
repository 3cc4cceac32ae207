//! What the functions of WASI 0.1 take.

/// The functions of WASI 0.1 and what their parameters are: `p` an address; `v` that of pairs of addresses and lengths, and the next
/// parameter is their number; `t` that of a table of addresses, which the function fills, of a length that [`counter`] tells; `.` anything else. Source: the WASI 0.1
/// interface in witx, "wasi_snapshot_preview1".
pub(super) const FUNCTIONS: &[(&str, &str)] = &[
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

/// The function that tells how long the table is that this one fills, and takes the same parameters.
pub(super) fn counter(name: &str) -> Option<&'static str> {
    match name {
        "args_get" => Some("args_sizes_get"),
        "environ_get" => Some("environ_sizes_get"),
        _ => None,
    }
}
