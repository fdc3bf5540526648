//! In: archives as `zarf package create` lays them out, and as nobody should. Out: their files, or why they are refused.
//! Guarantee: each refusal is of an archive that is whole but for the one thing.
use super::Unpackings;
use crate::client::public_key::PublicKey;
use crate::name::{BlobId, RepoPath};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use tar::{Builder, EntryType, Header};

fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for (name, content) in entries {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, name, *content).expect("it is in memory");
    }
    archive.into_inner().expect("it is in memory")
}

fn sum(bytes: &[u8]) -> String {
    super::hex(Sha256::digest(bytes).into())
}

/// Returns a package of one component, after `change` had its way with its files.
fn package(change: impl FnOnce(&mut Vec<(String, Vec<u8>)>)) -> Vec<u8> {
    let component = tar(&[("app/charts/app-1.0.0.tgz", b"chart"), ("app/manifests/app-0.yaml", b"kind: A\n")]);
    let files: Vec<(String, Vec<u8>)> =
        vec![("components/app.tar".into(), component), ("images/index.json".into(), b"{}".to_vec())];
    let list: String =
        files.iter().map(|(path, bytes)| format!("{} {path}\n", sum(bytes))).collect::<Vec<_>>().concat();
    let about =
        format!("kind: ZarfPackageConfig\nmetadata:\n  name: app\n  aggregateChecksum: {}\n", sum(list.as_bytes()));
    let mut all = vec![("zarf.yaml".into(), about.into_bytes()), ("checksums.txt".into(), list.into_bytes())];
    all.extend(files);
    change(&mut all);
    let entries: Vec<(&str, &[u8])> = all.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    compress_to_vec(tar(&entries).as_slice(), CompressionLevel::Fastest)
}

fn opened(bytes: &[u8]) -> Result<Vec<String>, String> {
    opened_by(bytes, &[])
}

fn opened_by(bytes: &[u8], keys: &[PathBuf]) -> Result<Vec<String>, String> {
    let path = RepoPath::new("zarf-package-app-amd64-1.0.0.tar.zst").expect("it is inside");
    let unpacked = Unpackings::new(keys.to_vec()).get(BlobId([0; 20]), &path, bytes);
    unpacked.as_ref().as_ref().map(|files| files.keys().map(ToString::to_string).collect()).map_err(Clone::clone)
}

fn set(all: &mut [(String, Vec<u8>)], path: &str, bytes: &[u8]) {
    all.iter_mut().find(|(known, _)| known == path).expect("it is there").1 = bytes.to_vec();
}

#[test]
fn a_package_is_its_own_texts_and_what_its_components_hold() {
    let expected =
        ["checksums.txt", "components/app/charts/app-1.0.0.tgz", "components/app/manifests/app-0.yaml", "zarf.yaml"];
    assert_eq!(opened(&package(|_| {})).expect("it is well"), expected, "images are not kept");
}

#[test]
fn what_is_not_as_its_checksums_say_is_refused() {
    let image = package(|all| set(all, "images/index.json", b"{ }"));
    assert_eq!(opened(&image).expect_err("it is changed"), "the checksum of `images/index.json` is wrong");
    let list = package(|all| set(all, "checksums.txt", b"0 images/index.json\n"));
    assert_eq!(opened(&list).expect_err("it is another"), "its list of checksums is not the one that zarf.yaml names");
    let extra = package(|all| all.push(("images/more".into(), Vec::new())));
    assert_eq!(
        opened(&extra).expect_err("one is too much"),
        "`images/more` is there, and not in the list of checksums"
    );
    let less = package(|all| all.retain(|(path, _)| path != "images/index.json"));
    assert_eq!(
        opened(&less).expect_err("one is gone"),
        "`images/index.json` is in the list of checksums, and not there"
    );
    let none = package(|all| set(all, "zarf.yaml", b"kind: ZarfPackageConfig\nmetadata: { name: app }\n"));
    assert_eq!(opened(&none).expect_err("it has none"), "its zarf.yaml has no aggregateChecksum");
    let bare = package(|all| all.retain(|(path, _)| path != "checksums.txt"));
    assert_eq!(opened(&bare).expect_err("it has none"), "it has no checksums.txt");
}

#[test]
fn a_hostile_archive_is_refused() {
    let whole = package(|_| {});
    let cut = opened(&whole[..whole.len() - 20]).expect_err("it is cut");
    assert!(cut.contains("ends before its end") || cut.contains("damaged"), "{cut}");
    let mut linked = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Symlink);
    header.set_size(0);
    linked.append_link(&mut header, "app/manifests/app-0.yaml", "/etc/passwd").expect("it is in memory");
    let linked = linked.into_inner().expect("it is in memory");
    let inside = package(|all| {
        set(all, "components/app.tar", &linked);
        let list: String =
            all[2..].iter().map(|(path, bytes)| format!("{} {path}\n", sum(bytes))).collect::<Vec<_>>().concat();
        let about = format!("metadata: {{ aggregateChecksum: {} }}\n", sum(list.as_bytes()));
        set(all, "checksums.txt", list.as_bytes());
        set(all, "zarf.yaml", about.as_bytes());
    });
    let said = opened(&inside).expect_err("a link leads out");
    assert!(said.contains("a link stands there, which is never followed"), "{said}");
    let bomb = compress_to_vec(tar(&[("images/blob", &vec![0; 8 << 20])]).as_slice(), CompressionLevel::Fastest);
    assert!(opened(&bomb).expect_err("it is a bomb").contains("it unpacks to more than"), "a bomb goes out");
}

/// A key, and its public part in a file.
fn key(folder: &std::path::Path, name: &str) -> (EcdsaKeyPair, PathBuf) {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("there is chance");
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).expect("it is one");
    let text = PublicKey::pem(pair.public_key().as_ref());
    let file = folder.join(name);
    std::fs::write(&file, text).expect("the folder is ours");
    (pair, file)
}

#[test]
fn a_package_is_taken_only_as_signed_by_a_key_of_the_settings() {
    let folder = tempfile::tempdir().expect("there is room");
    let ((pair, ours), (_, others)) = (key(folder.path(), "ours.pub"), key(folder.path(), "others.pub"));
    let signed = |name: &str, form: &dyn Fn(String) -> String| {
        package(|all| {
            let about = all.iter().find(|(path, _)| path == "zarf.yaml").expect("it is there").1.clone();
            let signature = pair.sign(&SystemRandom::new(), &about).expect("it can sign");
            all.push((name.into(), form(STANDARD.encode(signature.as_ref())).into_bytes()));
        })
    };
    let plain = signed("zarf.yaml.sig", &|text| text + "\n");
    let bundle = signed("zarf.bundle.sig", &|text| format!("{{\"messageSignature\":{{\"signature\":\"{text}\"}}}}"));
    for archive in [&plain, &bundle] {
        opened_by(archive, &[others.clone(), ours.clone()]).expect("one of the keys has signed it");
        let said = opened_by(archive, std::slice::from_ref(&others)).expect_err("another key has");
        assert_eq!(said, "its signature is by none of the keys of the settings, or not of this zarf.yaml");
        opened(archive).expect("nobody demands that it is signed");
    }
    let unsigned = opened_by(&package(|_| {}), std::slice::from_ref(&ours)).expect_err("it is not signed");
    assert_eq!(unsigned, "it is not signed with a key, and the settings demand that");
    let absent = folder.path().join("absent.pub");
    assert!(opened_by(&plain, &[absent]).is_err_and(|said| said.contains("absent.pub")));
}
