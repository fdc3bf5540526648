//! In: archives as `tar` makes them, and as nobody should. Out: their files, or why they are refused.
//! Guarantee: each refusal is of an archive that is whole but for the one thing.
use super::{ArchiveError, Format, Limits, Reason, each, read};
use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::Write;
use tar::{Builder, EntryType, Header};

const LIMITS: Limits = Limits { entries: 50, file_bytes: 1 << 20, bytes: 8 << 20, ratio: 100, depth: 8 };

/// Adds an entry with a name that the builder itself would refuse.
fn put(archive: &mut Builder<Vec<u8>>, name: &[u8], kind: EntryType, content: &[u8]) {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    archive.append(&header, content).expect("it is in memory");
}

fn tar(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for (name, kind, content) in entries {
        put(&mut archive, name.as_bytes(), *kind, content);
    }
    archive.into_inner().expect("it is in memory")
}

fn files(entries: &[(&str, &str)]) -> Vec<u8> {
    let entries: Vec<_> = entries.iter().map(|(name, text)| (*name, EntryType::Regular, text.as_bytes())).collect();
    tar(&entries)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).expect("it is in memory");
    packed.finish().expect("it is in memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn paths(bytes: &[u8], format: Format) -> Result<Vec<String>, ArchiveError> {
    let files = read(bytes, format, LIMITS)?;
    Ok(files.iter().map(|file| format!("{}: {}", file.path, String::from_utf8_lossy(&file.bytes))).collect())
}

fn refused(bytes: &[u8], format: Format) -> String {
    read(bytes, format, LIMITS).expect_err("it is refused").to_string()
}

fn refused_entry(name: &str, kind: EntryType) -> String {
    refused(&tar(&[("chart/Chart.yaml", EntryType::Regular, b"a"), (name, kind, b"")]), Format::Tar)
}

#[test]
fn the_files_of_an_archive_are_read_in_their_order_however_it_is_packed() {
    let plain = files(&[("chart/Chart.yaml", "name: a"), ("./chart/values.yaml", "b: 1"), ("other", "")]);
    let expected = ["chart/Chart.yaml: name: a", "chart/values.yaml: b: 1", "other: "];
    for (format, bytes) in
        [(Format::Tar, plain.clone()), (Format::Gzip, gzip(&plain)), (Format::Zstandard, zstd(&plain))]
    {
        assert_eq!(paths(&bytes, format).expect("it is well"), expected, "{format:?}");
    }
}

#[test]
fn a_stream_may_have_several_members_or_frames() {
    let plain = files(&[("a", "1"), ("b", "2")]);
    let (first, second) = plain.split_at(700);
    let skipped = [b"\x50\x2a\x4d\x18".as_slice(), &3u32.to_le_bytes(), b"xyz"].concat();
    for (format, bytes) in [
        (Format::Gzip, [gzip(first), gzip(second)].concat()),
        (Format::Zstandard, [zstd(first), skipped, zstd(second)].concat()),
    ] {
        assert_eq!(paths(&bytes, format).expect("it is well"), ["a: 1", "b: 2"], "{format:?}");
    }
}

#[test]
fn a_name_that_is_too_long_for_a_header_is_read_whole() {
    let name = format!("chart/{}/values.yaml", "a".repeat(150));
    let mut archive = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(1);
    archive.append_data(&mut header, &name, b"x".as_slice()).expect("it is in memory");
    let record = format!(" path={name}\n");
    let length = record.len() + 3;
    put(
        &mut archive,
        b"pax",
        EntryType::XHeader,
        format!("{length}{record}").replace("a/values", "b/values").as_bytes(),
    );
    put(&mut archive, b"short", EntryType::Regular, b"y");
    let archive = archive.into_inner().expect("it is in memory");
    let other = name.replace("a/values", "b/values");
    assert_eq!(paths(&archive, Format::Tar).expect("it is well"), [format!("{name}: x"), format!("{other}: y")]);
}

#[test]
fn links_and_devices_are_refused() {
    let link = "the archive is refused at `chart/x`: a link stands there, which is never followed";
    assert_eq!(refused_entry("chart/x", EntryType::Symlink), link);
    assert_eq!(refused_entry("chart/x", EntryType::Link), link);
    let device = "the archive is refused at `chart/x`: expected a file or a folder, found a device or another kind";
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::GNUSparse] {
        assert_eq!(refused_entry("chart/x", kind), device);
    }
}

#[test]
fn names_that_lead_out_or_act_are_refused() {
    for name in [
        "/etc/passwd",
        "../x",
        "chart/../../x",
        "chart//x",
        "chart/.git/config",
        "chart/..",
        "chart\\x",
        "a\u{1b}[2J",
        "",
    ] {
        let said = refused_entry(name, EntryType::Regular);
        assert!(said.ends_with("expected a relative path without `..`, `\\` and control characters"), "{said}");
        assert!(!said.contains('\u{1b}'), "it does not act on the terminal either");
    }
    let mut archive = Builder::new(Vec::new());
    put(&mut archive, b"chart/\xff", EntryType::Regular, b"");
    let said = refused(&archive.into_inner().expect("it is in memory"), Format::Tar);
    assert!(said.contains("expected a relative path"), "{said}");
}

#[test]
fn a_name_stands_once() {
    let twice = files(&[("chart/a", "1"), ("chart/a", "2")]);
    assert_eq!(refused(&twice, Format::Tar), "the archive is refused at `chart/a`: it stands twice");
    let both = files(&[("chart/a", "1"), ("chart/a/b", "2")]);
    assert_eq!(refused(&both, Format::Tar), "the archive is refused at `chart/a/b`: it stands twice");
    let case = files(&[("chart/Values.yaml", "1"), ("chart/values.yaml", "2")]);
    let expected =
        "the archive is refused at `chart/values.yaml`: it differs from `chart/Values.yaml` by its case alone";
    assert_eq!(refused(&case, Format::Tar), expected);
    let folder = files(&[("Chart/a", "1"), ("chart/b", "2")]);
    assert!(refused(&folder, Format::Tar).contains("differs from `Chart` by its case alone"));
    let again = tar(&[
        ("chart/", EntryType::Directory, b""),
        ("chart/a", EntryType::Regular, b"1"),
        ("./chart/", EntryType::Directory, b""),
    ]);
    assert_eq!(paths(&again, Format::Tar).expect("a folder may be named again"), ["chart/a: 1"]);
}

#[test]
fn an_archive_that_is_cut_off_is_refused_wherever_it_is() {
    let plain = files(&[("chart/a", &"text ".repeat(2000)), ("chart/b", "2")]);
    assert_eq!(plain.len() % 512, 0, "it is of whole blocks");
    for (format, bytes) in
        [(Format::Tar, plain.clone()), (Format::Gzip, gzip(&plain)), (Format::Zstandard, zstd(&plain))]
    {
        for end in (0..bytes.len()).step_by(if format == Format::Tar { 512 } else { 7 }).chain([bytes.len() - 1]) {
            let said = read(&bytes[..end], format, LIMITS).expect_err("it is cut");
            let is_cut = matches!(said.reason, Reason::Truncated | Reason::Malformed(_));
            assert!(is_cut, "{format:?} cut at {end}: {said}");
        }
    }
    assert!(refused(&plain[..plain.len() - 1024], Format::Tar).ends_with("it ends before its end"), "without its end");
}

#[test]
fn a_damaged_stream_is_refused() {
    let plain = files(&[("chart/a", &"text ".repeat(2000))]);
    let mut packed = gzip(&plain);
    let at = packed.len() - 6;
    packed[at] ^= 1;
    assert!(refused(&packed, Format::Gzip).contains("it is damaged"), "its checksum is wrong");
    assert!(refused(b"<html>Sign in</html>", Format::Gzip).contains("it is damaged, or no archive of its kind"));
    assert!(refused(b"<html>Sign in</html>", Format::Zstandard).contains("it is damaged, or no archive of its kind"));
}

#[test]
fn nothing_stands_behind_the_end() {
    let plain = files(&[("chart/a", "1")]);
    let more = [plain.clone(), files(&[("chart/b", "2")])].concat();
    assert_eq!(refused(&more, Format::Tar), "the archive is refused: something stands behind its end");
    assert_eq!(refused(&gzip(&more), Format::Gzip), "the archive is refused: something stands behind its end");
    let padded = [plain, vec![0; 10_240]].concat();
    assert_eq!(paths(&padded, Format::Tar).expect("tar fills its last record"), ["chart/a: 1"]);
}

#[test]
fn a_bomb_goes_out_before_it_is_unpacked() {
    let zeros = vec![0; 1 << 20];
    let names: Vec<String> = (0..6).map(|at| format!("chart/{at}")).collect();
    let entries: Vec<_> = names.iter().map(|name| (name.as_str(), EntryType::Regular, zeros.as_slice())).collect();
    let bomb = tar(&entries);
    for (format, packed) in [(Format::Gzip, gzip(&bomb)), (Format::Zstandard, zstd(&bomb))] {
        let said = refused(&packed, format);
        assert!(said.ends_with("it unpacks to more than 100 times its size"), "{said}");
    }
    assert_eq!(read(bomb.as_slice(), Format::Tar, LIMITS).expect("unpacked, it is none").len(), 6);
}

#[test]
fn limits_hold() {
    let large = files(&[("a", &"x".repeat((1 << 20) + 1))]);
    assert_eq!(refused(&large, Format::Tar), "the archive is refused at `a`: expected a file of at most 1048576 bytes");
    let names: Vec<String> = (0..51).map(|at| at.to_string()).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert_eq!(
        refused(&files(&many), Format::Tar),
        "the archive is refused at `50`: expected at most 50 files and folders"
    );
    let deep = files(&[("a/a/a/a/a/a/a/a/a/x", "")]);
    assert!(refused(&deep, Format::Tar).ends_with("expected at most 8 folders around a file"));
    let half = "x".repeat(1 << 20);
    let much: Vec<(&str, &str)> = names.iter().take(9).map(|name| (name.as_str(), half.as_str())).collect();
    assert!(refused(&files(&much), Format::Tar).ends_with("it unpacks to more than 8388608 bytes"));
    let long = tar(&[("long", EntryType::GNULongName, &vec![b'a'; 100_000])]);
    assert!(refused(&long, Format::Tar).ends_with("expected a file of at most 65536 bytes"), "names are bounded, too");
}

#[test]
fn what_two_readers_would_read_otherwise_is_refused() {
    for record in ["19 size=1000000000\n", "22 GNU.sparse.major=1\n"] {
        let archive = tar(&[("pax", EntryType::XHeader, record.as_bytes()), ("a", EntryType::Regular, b"x")]);
        let said = refused(&archive, Format::Tar);
        assert!(said.contains("an extended header"), "{said}");
    }
}

#[test]
fn what_is_left_unread_is_read_past() {
    let plain = files(&[("a", &"x".repeat(9000)), ("b", "2")]);
    let mut seen = Vec::new();
    let all = each(plain.as_slice(), Format::Tar, LIMITS, &mut |path, content| {
        let mut first = [0; 1];
        content.read_exact(&mut first)?;
        seen.push(format!("{path} {}", char::from(first[0])));
        Ok(())
    });
    all.expect("it is well");
    assert_eq!(seen, ["a x", "b 2"]);
}
