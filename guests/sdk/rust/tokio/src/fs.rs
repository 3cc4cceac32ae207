use std::{
    fs::{self, Metadata, Permissions},
    io,
    path::{Path, PathBuf},
};

/// Defines functions of [`std::fs`] that return a future.
macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),+) -> $result:ty;)+) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            ///
            /// Those of the function of the same name in [`std::fs`].
            pub async fn $name($($argument: $type),+) -> io::Result<$result> {
                fs::$name($($argument),+)
            }
        )+
    };
}

functions! {
    /// Returns the canonical form of a path.
    canonicalize(path: impl AsRef<Path>) -> PathBuf;
    /// Copies a file.
    copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> u64;
    /// Makes a directory.
    create_dir(path: impl AsRef<Path>) -> ();
    /// Makes a directory, and those that it is in.
    create_dir_all(path: impl AsRef<Path>) -> ();
    /// Makes a second name for a file.
    hard_link(original: impl AsRef<Path>, link: impl AsRef<Path>) -> ();
    /// Describes a file.
    metadata(path: impl AsRef<Path>) -> Metadata;
    /// Reads a file.
    read(path: impl AsRef<Path>) -> Vec<u8>;
    /// Reads where a link leads.
    read_link(path: impl AsRef<Path>) -> PathBuf;
    /// Reads a file of text.
    read_to_string(path: impl AsRef<Path>) -> String;
    /// Removes an empty directory.
    remove_dir(path: impl AsRef<Path>) -> ();
    /// Removes a directory with all that is in it.
    remove_dir_all(path: impl AsRef<Path>) -> ();
    /// Removes a file.
    remove_file(path: impl AsRef<Path>) -> ();
    /// Gives a file another name.
    rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> ();
    /// Changes what may be done with a file.
    set_permissions(path: impl AsRef<Path>, permissions: Permissions) -> ();
    /// Describes a file, and not where it leads.
    symlink_metadata(path: impl AsRef<Path>) -> Metadata;
    /// Writes a file.
    write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> ();
}

/// Says whether there is such a file.
///
/// # Errors
///
/// It fails where that can't be known.
pub async fn try_exists(path: impl AsRef<Path>) -> io::Result<bool> {
    path.as_ref().try_exists()
}
