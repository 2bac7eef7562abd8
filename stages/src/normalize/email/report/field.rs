//! Groups of `Name: value` lines, as reports have them (RFC 3464, 2.1).

/// Groups that are looked at; more recipients than that are no single mail's.
const MAX_GROUPS: usize = 200;

/// One group of fields, unfolded, names in lower case.
#[derive(Default)]
pub(super) struct Group(Vec<(String, String)>);

impl Group {
    /// The first field of this name that says something.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// What follows the type in `type; value`, as it is written where there is no type.
    pub(super) fn typed(&self, name: &str) -> Option<&str> {
        let value = self.get(name)?;
        let bare = value.split_once(';').map_or(value, |(_, bare)| bare).trim();
        (!bare.is_empty()).then_some(bare)
    }

    /// The address of a field.
    pub(super) fn address(&self, name: &str) -> Option<String> {
        address(self.typed(name)?)
    }
}

/// An address as reports write it: in angle brackets or bare, with a comment or without.
pub(super) fn address(text: &str) -> Option<String> {
    let text = text.split('(').next().unwrap_or(text);
    let inner = text
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or(text, |(inner, _)| inner);
    let inner = inner
        .trim()
        .trim_matches(['<', '>', '"', '\'', ',', ';', ':', ' '])
        .trim_start_matches("mailto:");
    let fits = inner.contains('@') && !inner.contains(char::is_whitespace);
    fits.then(|| crate::text::address(inner))
}

/// The groups of a body, in their order.
pub(super) fn groups(body: &str) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut group = Group::default();
    for line in body.lines().chain([""]) {
        if line.trim().is_empty() {
            if !group.0.is_empty() {
                groups.push(std::mem::take(&mut group));
                if groups.len() == MAX_GROUPS {
                    break;
                }
            }
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = group.0.last_mut()
                && value.len() < 4096
            {
                if !value.is_empty() {
                    value.push(' ');
                }
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            group
                .0
                .push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    groups
}
