use std::{fs, io};

use tempfile::TempDir;

use super::*;

const BLOCK: u64 = BLOCK_BYTES;

fn quota(limit_bytes: u64) -> (TempDir, Quota) {
    let directory = tempfile::tempdir().unwrap();
    let quota = Quota::new(directory.path(), Some(limit_bytes));
    (directory, quota)
}

/// Creates a file as a guest would.
fn make(quota: &Quota, name: &str) -> io::Result<Arc<File>> {
    quota.may_add(BLOCK)?;
    let file = Arc::new(File::create_new(quota.directory().join(name))?);
    quota.made(Stat::of(&file.metadata()?));
    quota.opened(&file)?;
    Ok(file)
}

fn remove(quota: &Quota, name: &str) {
    let path = quota.directory().join(name);
    let before = Stat::of(&fs::symlink_metadata(&path).unwrap());
    fs::remove_file(path).unwrap();
    quota.changed(before, before.with_links(-1));
}

fn is_full<T>(result: &io::Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::StorageFull)
}

fn fill(quota: &Quota, file: &Arc<File>, blocks: u64, at: At) -> io::Result<usize> {
    quota.write(file, &vec![b'x'; (blocks * BLOCK) as usize], at)
}

#[test]
fn a_file_may_fill_the_limit_and_not_one_byte_more() {
    let (_directory, quota) = quota(8 * BLOCK);
    let file = make(&quota, "a").unwrap();
    assert_eq!(fill(&quota, &file, 8, At::Offset(0)).unwrap() as u64, 8 * BLOCK);
    assert!(is_full(&quota.write(&file, b"x", At::Offset(8 * BLOCK))));
    assert!(is_full(&quota.write(&file, b"x", At::End)));
    assert!(is_full(&quota.set_len(&file, 8 * BLOCK + 1)));
    assert!(quota.write(&file, b"x", At::Offset(u64::MAX)).is_err());
    assert_eq!(file.metadata().unwrap().len(), 8 * BLOCK);
    // Existing blocks can be overwritten, and an empty write succeeds anywhere.
    fill(&quota, &file, 8, At::Offset(0)).unwrap();
    assert_eq!(quota.write(&file, b"", At::End).unwrap(), 0);
}

#[test]
fn of_what_does_not_fit_so_much_is_written_as_fits() {
    let (_directory, quota) = quota(8 * BLOCK);
    let file = make(&quota, "a").unwrap();
    quota.write(&file, b"x", At::End).unwrap();
    assert_eq!(fill(&quota, &file, 9, At::End).unwrap() as u64, 8 * BLOCK - 1);
    assert_eq!(fill(&quota, &file, 9, At::Offset(3)).unwrap() as u64, 8 * BLOCK - 3);
    assert!(is_full(&fill(&quota, &file, 1, At::Offset(8 * BLOCK))));
}

#[test]
fn what_is_made_shorter_or_removed_gives_its_room_back() {
    let (_directory, quota) = quota(8 * BLOCK);
    let (first, second) = (make(&quota, "a").unwrap(), make(&quota, "b").unwrap());
    fill(&quota, &first, 7, At::End).unwrap();
    fill(&quota, &second, 1, At::End).unwrap();
    assert!(is_full(&fill(&quota, &second, 1, At::End)));
    quota.set_len(&first, 5 * BLOCK).unwrap();
    assert_eq!(fill(&quota, &second, 3, At::End).unwrap() as u64, 2 * BLOCK);
    drop(first);
    remove(&quota, "a");
    assert_eq!(fill(&quota, &second, 6, At::End).unwrap() as u64, 5 * BLOCK);
    assert!(is_full(&fill(&quota, &second, 1, At::End)));
}

#[test]
fn a_removed_file_counts_until_nobody_has_it_open() {
    let (_directory, quota) = quota(8 * BLOCK);
    let file = make(&quota, "a").unwrap();
    remove(&quota, "a");
    fill(&quota, &file, 7, At::End).unwrap();
    let other = make(&quota, "b").unwrap();
    assert_eq!(fill(&quota, &other, 2, At::End).unwrap() as u64, BLOCK);
    assert!(is_full(&fill(&quota, &other, 1, At::End)));
    drop(file);
    assert_eq!(fill(&quota, &other, 8, At::End).unwrap() as u64, 7 * BLOCK);
}

#[test]
fn a_file_with_two_links_counts_until_both_are_removed() {
    let (directory, quota) = quota(9 * BLOCK);
    let file = make(&quota, "a").unwrap();
    fill(&quota, &file, 8, At::End).unwrap();
    quota.may_add(BLOCK).unwrap();
    fs::hard_link(directory.path().join("a"), directory.path().join("b")).unwrap();
    let now = Stat::of(&file.metadata().unwrap());
    quota.changed(now.with_links(-1), now);
    assert!(is_full(&quota.may_add(BLOCK)));
    drop(file);
    remove(&quota, "a");
    let other = make(&quota, "c").unwrap();
    assert_eq!(fill(&quota, &other, 2, At::End).unwrap() as u64, BLOCK);
    remove(&quota, "b");
    assert_eq!(fill(&quota, &other, 9, At::End).unwrap() as u64, 8 * BLOCK);
}

/// Removing what others left does not free any room for the guest either.
#[test]
fn what_others_left_does_not_count_and_what_a_guest_adds_to_it_does() {
    let (directory, quota) = quota(8 * BLOCK);
    let path = directory.path().join("others");
    fs::write(&path, vec![b'x'; 100 * BLOCK as usize]).unwrap();
    let file = Arc::new(File::options().write(true).open(&path).unwrap());
    quota.opened(&file).unwrap();
    fill(&quota, &file, 100, At::Offset(0)).unwrap();
    assert_eq!(fill(&quota, &file, 9, At::End).unwrap() as u64, 8 * BLOCK);
    assert!(is_full(&fill(&quota, &file, 1, At::End)));
    drop(file);
    remove(&quota, "others");
    let file = make(&quota, "a").unwrap();
    assert_eq!(fill(&quota, &file, 9, At::End).unwrap() as u64, 8 * BLOCK);
}

/// On some filesystems a directory with long names is larger than the files in it.
#[test]
fn a_directory_counts_with_its_names() {
    let mut ledger = Ledger::new(10 * BLOCK);
    let directory = |blocks: u64| Stat::new(1, 2, 3, blocks * BLOCK, true);
    ledger.made(directory(1));
    ledger.changed(directory(1), directory(10));
    assert!(!ledger.has_room_for_another(1));
    ledger.changed(directory(10), directory(10).with_links(-1));
    assert!(ledger.has_room_for_another(10 * BLOCK));
}

#[test]
fn what_may_be_written_by_one_is_not_given_to_another_meanwhile() {
    let (_directory, quota) = quota(8 * BLOCK);
    let (first, second) = (make(&quota, "a").unwrap(), make(&quota, "b").unwrap());
    let stat = |file: &File| Stat::of(&file.metadata().unwrap());
    let begun = |file: &Arc<File>, to: u64| quota.ledger().unwrap().begin_change(file, stat(file), 0, to);
    assert_eq!(begun(&first, 7 * BLOCK), Some(7 * BLOCK));
    // Another instance writes to the same file before the first has written.
    assert_eq!(begun(&first, BLOCK), Some(BLOCK));
    quota.end_change(&first).unwrap();
    assert_eq!(begun(&second, 2 * BLOCK), Some(BLOCK));
    quota.end_change(&first).unwrap();
    assert_eq!(begun(&second, 8 * BLOCK), Some(7 * BLOCK));
}

#[test]
fn a_new_file_owes_nothing_to_what_had_its_inode_before() {
    let mut ledger = Ledger::new(8 * BLOCK);
    let file = |blocks: u64| Stat::new(1, 2, 1, blocks * BLOCK, false);
    ledger.changed(file(100), file(100));
    ledger.made(file(8));
    assert!(!ledger.has_room_for_another(1));
}

#[test]
fn as_many_files_may_be_made_as_the_host_wants_to_remember_and_not_more() {
    let mut ledger = Ledger::new(u64::MAX);
    let file = |inode, links| Stat::new(1, inode, links, 0, false);
    for inode in 0..ledger::ENTRIES_LIMIT as u64 {
        assert!(ledger.has_room_for_another(BLOCK));
        ledger.made(file(inode, 1));
    }
    assert!(!ledger.has_room_for_another(BLOCK));
    ledger.changed(file(7, 1), file(7, 0));
    assert!(ledger.has_room_for_another(BLOCK));
}

#[test]
fn the_filesystem_is_the_limit_where_none_is_set() {
    let directory = tempfile::tempdir().unwrap();
    let quota = Quota::new(directory.path(), None);
    let file = make(&quota, "a").unwrap();
    assert_eq!(quota.write(&file, b"xyz", At::End).unwrap(), 3);
    assert!(is_full(&quota.take_bytes(&file, u64::MAX, At::End)));
    // Blocks that the file already has need no room.
    let metadata = file.metadata().unwrap();
    assert!(has_already(&metadata, 3, At::Offset(0)));
    assert!(!has_already(&metadata, 3, At::Offset(1)) && !has_already(&metadata, 1, At::End));
}

#[test]
fn the_depth_of_a_directory_and_what_is_nested_in_it_are_measured() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
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
    for number in 0..2_001 {
        fs::create_dir(root.join(format!("a/b/c/{number}"))).unwrap();
    }
    assert!(height(&dir("."), 9).is_err(), "there is too much to look at");
    assert_eq!(height(&dir("."), 2).unwrap(), 2);
}
