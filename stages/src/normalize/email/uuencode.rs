//! Files that stand in the text of a mail, uuencoded (IEEE Std 1003.1, `uuencode`).

/// A file within a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Enclosed {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// The text without its files, and the files.
pub(super) fn split(text: &str) -> (String, Vec<Enclosed>) {
    let mut kept = String::with_capacity(text.len());
    let mut files = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let file = begins(line.trim_end()).and_then(|name| {
            let (bytes, after) = body(after)?;
            let name = name.to_owned();
            Some((Enclosed { name, bytes }, after))
        });
        match file {
            Some((file, after)) => {
                files.push(file);
                rest = after;
            }
            None => {
                let whole = rest.len() - after.len();
                kept.push_str(rest.get(..whole).unwrap_or_default());
                rest = after;
            }
        }
    }
    (kept, files)
}

/// The name in `begin 644 name`.
fn begins(line: &str) -> Option<&str> {
    let (mode, name) = line.strip_prefix("begin ")?.split_once(' ')?;
    let is_mode =
        matches!(mode.len(), 3 | 4) && mode.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let name = name.trim();
    (is_mode && !name.is_empty()).then_some(name)
}

/// The bytes up to `end`, and what follows; `None` when a line on the way is none of a file.
fn body(text: &str) -> Option<(Vec<u8>, &str)> {
    let mut bytes = Vec::new();
    let mut rest = text;
    loop {
        if rest.is_empty() {
            return None;
        }
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let line = line.trim_end_matches('\r');
        if line == "end" {
            return Some((bytes, after));
        }
        decode(line, &mut bytes)?;
        rest = after;
    }
}

fn decode(line: &str, bytes: &mut Vec<u8>) -> Option<()> {
    let six = |byte: u8| matches!(byte, 0x20..=0x60).then(|| (byte - 0x20) & 0x3f);
    let line = line.as_bytes();
    let Some((count, groups)) = line.split_first() else {
        // Some programs leave the last, empty line quite empty.
        return Some(());
    };
    let count = usize::from(six(*count)?);
    let mut given = Vec::with_capacity(count + 3);
    for group in groups.chunks(4) {
        let at = |place: usize| group.get(place).map_or(Some(0), |byte| six(*byte));
        let (a, b, c, d) = (at(0)?, at(1)?, at(2)?, at(3)?);
        given.extend([(a << 2) | (b >> 4), (b << 4) | (c >> 2), (c << 6) | d]);
    }
    if given.len() < count || given.len() > count + 5 {
        return None;
    }
    bytes.extend(given.into_iter().take(count));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_taken_out() {
        let text = "See:\r\nbegin 644 a.txt\r\n#8V%T\r\n`\r\nend\r\nBye\r\n";
        let (kept, files) = split(text);
        assert_eq!(kept, "See:\r\nBye\r\n");
        assert_eq!(
            files,
            [Enclosed {
                name: "a.txt".into(),
                bytes: b"cat".to_vec()
            }]
        );
    }

    #[test]
    fn what_is_no_file_stays() {
        for text in [
            "begin 644 a.txt\nnot encoded at all, you see\nend\n",
            "begin 644 a.txt\n#8V%T\n",
            "begin with me\nend",
            "begin 999 x\nend\n",
        ] {
            assert_eq!(split(text), (text.to_owned(), Vec::new()));
        }
    }
}
