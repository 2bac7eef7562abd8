//! What is not as it should be is refused, or does no harm.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

static FILES: LazyLock<[Vec<u8>; 2]> =
    LazyLock::new(|| [write(&full()).unwrap(), write(&plain()).unwrap()]);

/// Puts a section's new bytes in and the checksums right, so that what is tested is not the checksums.
fn with_section(draft: &Draft, kind: layout::Kind, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let file = Bytes::from(write(draft).unwrap());
    let mut sections = layout::Sections::read(&file).unwrap();
    let mut all = Vec::new();
    use layout::Kind::*;
    for found in [Manifest, Notes, Index, Idf, Rows, Scales, Bias, Output] {
        for part in 0..MAX_HEADS {
            if let Some(bytes) = sections.take(found, part) {
                let mut bytes = bytes.to_vec();
                if found == kind && (part == 0 || kind == Output) {
                    change(&mut bytes);
                }
                all.push((found, part as u16, bytes));
            }
        }
    }
    layout::assemble(&all).unwrap()
}

fn flaw(bytes: Vec<u8>) -> String {
    match load(bytes) {
        Err(TdmError::Malformed { section, flaw }) => format!("{section} {flaw}"),
        Err(error) => error.to_string(),
        Ok(_) => "none".into(),
    }
}

fn manifest_flaw(from: &str, to: &str) -> String {
    flaw(with_section(&full(), layout::Kind::Manifest, |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.contains(from), "{text}");
        *bytes = text.replacen(from, to, 1).into_bytes();
    }))
}

#[test]
fn manifests_that_make_no_sense_are_refused() {
    for (from, to) in [
        ("\"bits\":10", "\"bits\":7"),
        ("\"bits\":10", "\"bits\":23"),
        ("\"bits\":10", "\"bits\":11"),
        ("\"refund\"", "\" \""),
        ("\"refund\"", "\"greeting\""),
        ("\"refund\",", ""),
        ("\"refund\"", "\"\\ud800\""),
        ("\"temperature\":0.7", "\"temperature\":0"),
        ("\"temperature\":0.7", "\"temperature\":1e39"),
        ("\"temperature\":0.7", "\"temperature\":null"),
        ("\"idf_default\":5.5,", ""),
        ("\"idf_default\":5.5", "\"idf_default\":-1"),
        ("\"dim\":10", "\"dim\":0"),
        ("\"dim\":10", "\"dim\":11"),
        ("\"dim\":10", "\"dim\":4294967295"),
        ("\"weight\":0.75", "\"weight\":1e9"),
        ("\"threshold\":0.4", "\"threshold\":1e400"),
        ("\"task\":\"intent\"", "\"task\":\"guess\""),
        ("\"task\"", "\"more\":1,\"task\""),
        ("\"block_weights\":[", "\"block_weights\":[1,"),
    ] {
        assert_ne!(manifest_flaw(from, to), "none", "{from} -> {to}");
    }
}

#[test]
fn arrays_that_make_no_sense_are_refused() {
    use layout::Kind::*;
    let changed = |kind, change: fn(&mut Vec<u8>)| flaw(with_section(&full(), kind, change));
    for kind in [Index, Idf, Rows, Scales, Bias, Output] {
        assert_ne!(
            changed(kind, |bytes| bytes.truncate(bytes.len() - 1)),
            "none"
        );
        assert_ne!(changed(kind, |bytes| bytes.extend([0; 64])), "none");
        assert_ne!(changed(kind, Vec::clear), "none");
    }
    let infinite = |bytes: &mut Vec<u8>| bytes[..2].copy_from_slice(&[0x00, 0x7c]);
    assert_eq!(
        changed(Scales, infinite),
        "scales has a number out of bounds"
    );
    assert_eq!(changed(Idf, infinite), "idf has a number out of bounds");
    let nan = |bytes: &mut Vec<u8>| bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    assert_eq!(changed(Bias, nan), "bias has a number out of bounds");
    assert_eq!(changed(Output, nan), "output has a number out of bounds");
    assert_eq!(
        changed(Index, |bytes| bytes[8] ^= 1),
        "index does not count its rows"
    );
    assert_ne!(changed(Index, |bytes| bytes[0] ^= 1), "none");
    assert_ne!(changed(Notes, |bytes| *bytes = b"{".to_vec()), "none");
}

#[test]
fn what_is_wrong_is_said() {
    let mut file = FILES[0].clone();
    assert!(matches!(load(Vec::new()), Err(TdmError::NotAModel)));
    assert!(matches!(load(b"TDM1".to_vec()), Err(TdmError::Length)));
    assert!(matches!(
        load(vec![0; MAX_BYTES + 1]),
        Err(TdmError::TooLong)
    ));
    file[4] = 9;
    assert!(matches!(load(file.clone()), Err(TdmError::Format(9))));
    let end = FILES[0].len();
    assert!(matches!(
        load(FILES[0][..end - 1].to_vec()),
        Err(TdmError::Length)
    ));
    let mut longer = FILES[0].clone();
    longer.push(0);
    assert!(matches!(load(longer), Err(TdmError::Length)));
}

#[test]
fn every_flipped_byte_is_noticed() {
    for file in &*FILES {
        let mut file = file.clone();
        for place in 0..file.len() {
            for mask in [1, 0x80, 0xff] {
                file[place] ^= mask;
                assert!(
                    Linear::load(Bytes::from(file.clone())).is_err(),
                    "byte {place}"
                );
                file[place] ^= mask;
            }
        }
    }
}

#[test]
fn every_cut_is_noticed() {
    for file in &*FILES {
        for end in 0..file.len() {
            assert!(Linear::load(Bytes::copy_from_slice(&file[..end])).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes_are_refused_or_a_model(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        magic in any::<bool>(),
    ) {
        let head = if magic { b"TDM1\x01\0".as_slice() } else { b"" };
        prop_assert!(load([head, &bytes].concat()).is_err());
    }

    /// With the checksums made right, what is left is the structure: refused, or a model that works.
    #[test]
    fn any_section_is_refused_or_works(
        kind in prop::sample::select(vec![1_u16, 2, 3, 4, 5, 6, 7, 8]),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        use layout::Kind::*;
        let kind = [Manifest, Notes, Index, Idf, Rows, Scales, Bias, Output][usize::from(kind) - 1];
        let file = with_section(&full(), kind, |bytes| {
            for (place, byte) in &changes {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
        });
        // `load` asserts that a model which is not refused works.
        load(file).ok();
    }

    /// A wild table, its checksum right.
    #[test]
    fn any_table_is_refused(
        place in 8_usize..32 + 24 * 10,
        byte in any::<u8>(),
    ) {
        let mut file = FILES[0].clone();
        prop_assume!(!(12..16).contains(&place) && file[place] != byte);
        file[place] = byte;
        let count = u32::from_le_bytes(file[8..12].try_into().unwrap()) as usize;
        if let Some(head) = file.get(..32 + 24 * count.min(1 << 20)) {
            let mut head = head.to_vec();
            head[12..16].fill(0);
            let checksum = crc32fast::hash(&head);
            file[12..16].copy_from_slice(&checksum.to_le_bytes());
        }
        prop_assert!(load(file).is_err());
    }
}
