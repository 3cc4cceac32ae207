use std::{fs, io};

use tempfile::TempDir;

use super::*;

const BLOCK: u64 = BLOCK_BYTES;

fn quota(limit_bytes: u64) -> (TempDir, Quota) {
    let folder = tempfile::tempdir().unwrap();
    let quota = Quota::new(folder.path(), Some(limit_bytes));
    (folder, quota)
}

/// A file that a guest makes.
fn make(quota: &Quota, name: &str) -> io::Result<Arc<File>> {
    quota.may_add(0)?;
    let file = Arc::new(File::create_new(quota.folder().join(name))?);
    quota.opened(&file, true)?;
    Ok(file)
}

fn remove(quota: &Quota, name: &str) {
    let path = quota.folder().join(name);
    let before = Stat::of(&fs::symlink_metadata(&path).unwrap());
    fs::remove_file(path).unwrap();
    quota.removed(before);
}

fn is_full<T>(result: &io::Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::StorageFull)
}

fn fill(quota: &Quota, file: &File, blocks: u64, at: At) -> io::Result<usize> {
    quota.write(file, &vec![b'x'; (blocks * BLOCK) as usize], at)
}

#[test]
fn a_file_may_fill_the_limit_and_not_one_byte_more() {
    let (_folder, quota) = quota(8 * BLOCK);
    let file = make(&quota, "a").unwrap();
    assert_eq!(fill(&quota, &file, 8, At::Offset(0)).unwrap() as u64, 8 * BLOCK);
    assert!(is_full(&quota.write(&file, b"x", At::Offset(8 * BLOCK))));
    assert!(is_full(&quota.write(&file, b"x", At::End)));
    assert!(is_full(&quota.set_len(&file, 8 * BLOCK + 1)));
    assert!(is_full(&quota.write(&file, b"x", At::Offset(u64::MAX))));
    assert_eq!(file.metadata().unwrap().len(), 8 * BLOCK);
    // What is there can be written over.
    fill(&quota, &file, 8, At::Offset(0)).unwrap();
}

#[test]
fn what_is_made_shorter_or_removed_gives_its_room_back() {
    let (_folder, quota) = quota(8 * BLOCK);
    let (first, second) = (make(&quota, "a").unwrap(), make(&quota, "b").unwrap());
    fill(&quota, &first, 8, At::End).unwrap();
    assert!(is_full(&fill(&quota, &second, 3, At::End)));
    quota.set_len(&first, 5 * BLOCK).unwrap();
    fill(&quota, &second, 3, At::End).unwrap();
    drop(first);
    remove(&quota, "a");
    fill(&quota, &second, 5, At::End).unwrap();
    assert!(is_full(&fill(&quota, &second, 1, At::End)));
}

#[test]
fn a_removed_file_counts_until_nobody_has_it_open() {
    let (_folder, quota) = quota(8 * BLOCK);
    let file = make(&quota, "a").unwrap();
    remove(&quota, "a");
    fill(&quota, &file, 8, At::End).unwrap();
    let other = make(&quota, "b").unwrap();
    assert!(is_full(&fill(&quota, &other, 1, At::End)));
    drop(file);
    fill(&quota, &other, 8, At::End).unwrap();
}

#[test]
fn a_file_with_two_links_counts_until_both_are_removed() {
    let (folder, quota) = quota(9 * BLOCK);
    let file = make(&quota, "a").unwrap();
    fill(&quota, &file, 8, At::End).unwrap();
    quota.may_add(BLOCK).unwrap();
    fs::hard_link(folder.path().join("a"), folder.path().join("b")).unwrap();
    quota.linked(Stat::of(&file.metadata().unwrap()));
    assert!(is_full(&quota.may_add(BLOCK)));
    drop(file);
    remove(&quota, "a");
    let other = make(&quota, "c").unwrap();
    fill(&quota, &other, 1, At::End).unwrap();
    assert!(is_full(&fill(&quota, &other, 1, At::End)));
    remove(&quota, "b");
    fill(&quota, &other, 8, At::End).unwrap();
}

/// Nor does it give room when a guest removes it.
#[test]
fn what_others_left_does_not_count_and_what_a_guest_adds_to_it_does() {
    let (folder, quota) = quota(8 * BLOCK);
    let path = folder.path().join("others");
    fs::write(&path, vec![b'x'; 100 * BLOCK as usize]).unwrap();
    let file = Arc::new(File::options().write(true).open(&path).unwrap());
    quota.opened(&file, false).unwrap();
    fill(&quota, &file, 100, At::Offset(0)).unwrap();
    fill(&quota, &file, 8, At::End).unwrap();
    assert!(is_full(&fill(&quota, &file, 1, At::End)));
    drop(file);
    remove(&quota, "others");
    let file = make(&quota, "a").unwrap();
    fill(&quota, &file, 8, At::End).unwrap();
    assert!(is_full(&fill(&quota, &file, 1, At::End)));
}

#[test]
fn as_many_files_may_be_made_as_the_host_wants_to_remember_and_not_more() {
    let mut ledger = Ledger::new(u64::MAX);
    for inode in 0..ledger::ENTRIES_LIMIT as u64 {
        assert!(ledger.has_room_for_another(0));
        ledger.settle(Stat::new(1, inode, 1, Some(1)));
    }
    assert!(!ledger.has_room_for_another(0));
    ledger.settle(Stat::new(1, 7, 0, Some(1)));
    assert!(ledger.has_room_for_another(0));
}

#[test]
fn the_filesystem_is_the_limit_where_none_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let quota = Quota::new(folder.path(), None);
    let file = make(&quota, "a").unwrap();
    assert_eq!(quota.write(&file, b"xyz", At::End).unwrap(), 3);
    assert!(is_full(&quota.filesystem.take_bytes(&file, u64::MAX, At::End)));
    // What the file has already needs no room.
    quota.filesystem.take_bytes(&file, 3, At::Offset(0)).unwrap();
}

#[test]
fn the_depth_of_a_folder_is_told_and_how_much_is_nested_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir_all(root.join("a/b/c")).unwrap();
    fs::write(root.join("a/file"), "").unwrap();
    let open = |path: &str| File::open(root.join(path)).unwrap();
    assert_eq!(depth(&root, &open(".")).unwrap(), 0);
    assert_eq!(depth(&root, &open("a/b/c")).unwrap(), 3);
    assert!(depth(&root.join("a"), &open(".")).is_err());
    let dir = |path: &str| cap_std::fs::Dir::from_std_file(open(path));
    assert_eq!(height(&dir("a"), 9).unwrap(), 2);
    assert_eq!(height(&dir("a/b/c"), 9).unwrap(), 0);
    assert_eq!(height(&dir("."), 2).unwrap(), 2, "deeper than that it does not look");
}
