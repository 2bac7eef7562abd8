//! What customers write for: the built-in taxonomy.
//!
//! Invariants: a name never changes its meaning, since rules and stored messages hold it; every name has one category and
//! one queue; [`OUT_OF_SCOPE`] is one of them. The table is `taxonomy.json`, read once; `docs/intents.md` shows it and a
//! test keeps the two equal.
//!
//! Deliberately absent: how a text gets its intent (`classify`), and the intents of tenants who bring their own, of which
//! only the names are known.

use std::sync::LazyLock;

use serde::Deserialize;

/// The name for everything else, and for whatever the model is unsure of.
pub const OUT_OF_SCOPE: &str = "out_of_scope";

/// One thing that somebody may write for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// Lower-case words joined by `_`; what messages, rules and training data hold.
    pub name: &'static str,
    /// What it belongs to; becomes the message's category.
    pub category: Category,
    /// Who usually takes it.
    pub queue: Queue,
    /// One sentence whose subject is the person who writes.
    pub description: &'static str,
    /// A message that has it.
    pub example: &'static str,
}

macro_rules! words {
    ($(#[$doc:meta])* $kind:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $kind { $($variant),+ }

        impl $kind {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

words! {
    /// What intents belong to.
    Category {
        Smalltalk = "smalltalk", Order = "order", Delivery = "delivery", Returns = "returns", Billing = "billing",
        Product = "product", Technical = "technical", Account = "account", Privacy = "privacy",
        Feedback = "feedback", Other = "other",
    }
}

words! {
    /// A hint for routing: who usually takes it.
    Queue {
        None = "none", Sales = "sales", Support = "support", Billing = "billing", Logistics = "logistics",
        Trust = "trust",
    }
}

static TAXONOMY: LazyLock<Vec<Intent>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("taxonomy.json"))
        .expect("the embedded taxonomy is read by a test")
});

/// Every built-in intent, in the order of the documentation.
#[must_use]
pub fn all() -> &'static [Intent] {
    &TAXONOMY
}

/// The built-in intent of that name; none for a tenant's own.
#[must_use]
pub fn get(name: &str) -> Option<&'static Intent> {
    all().iter().find(|intent| intent.name == name)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fmt::Write as _};

    use super::*;

    const DOCUMENT: &str = include_str!("../../../docs/intents.md");

    #[test]
    fn names_are_unique_and_found() {
        let names: BTreeSet<&str> = all().iter().map(|intent| intent.name).collect();
        assert_eq!(names.len(), all().len());
        for intent in all() {
            assert_eq!(get(intent.name), Some(intent));
            assert!(
                intent
                    .name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{}",
                intent.name
            );
            assert!(intent.description.ends_with('.'), "{}", intent.name);
        }
        assert_eq!(get("refund"), None);
        assert!(get(OUT_OF_SCOPE).is_some());
    }

    #[test]
    fn words_are_spelled_as_in_the_table() {
        let read: Vec<Category> = Category::ALL
            .iter()
            .map(|word| serde_json::from_str(&format!("\"{}\"", word.as_str())).unwrap())
            .collect();
        assert_eq!(read, Category::ALL);
        let read: Vec<Queue> = Queue::ALL
            .iter()
            .map(|word| serde_json::from_str(&format!("\"{}\"", word.as_str())).unwrap())
            .collect();
        assert_eq!(read, Queue::ALL);
    }

    #[test]
    fn no_category_and_no_queue_stays_unused() {
        let categories: BTreeSet<Category> = all().iter().map(|intent| intent.category).collect();
        assert_eq!(categories.len(), Category::ALL.len());
        let queues: BTreeSet<Queue> = all().iter().map(|intent| intent.queue).collect();
        assert_eq!(queues.len(), Queue::ALL.len());
    }

    #[test]
    fn the_document_shows_the_table() {
        let mut table = String::from(
            "| intent | category | queue | who writes this | for example |\n|---|---|---|---|---|\n",
        );
        for intent in all() {
            let (category, queue) = (intent.category.as_str(), intent.queue.as_str());
            writeln!(
                table,
                "| `{}` | {category} | {queue} | {} | {} |",
                intent.name, intent.description, intent.example
            )
            .unwrap();
        }
        assert!(
            DOCUMENT.contains(&table),
            "docs/intents.md should hold:\n{table}"
        );
    }
}
