//! What is known of one word.

use std::ops::BitOr;

/// By how much a word strengthens or weakens the one after it.
const BOOST: f32 = 0.293;

/// What a word does to others. A set: a word may do several things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Role(u16);

impl Role {
    /// Negates what comes after it.
    pub(crate) const NOT: Self = Self(1);
    /// Negates what came before it: Turkish `değil`.
    pub(crate) const NOT_BEHIND: Self = Self(1 << 1);
    /// What follows outweighs what came before.
    pub(crate) const BUT: Self = Self(1 << 2);
    /// `no`: has a mood when it stands alone.
    pub(crate) const NO: Self = Self(1 << 3);
    pub(crate) const NEVER: Self = Self(1 << 4);
    /// `so` and `this`: `never so good` is better than good.
    pub(crate) const SO: Self = Self(1 << 5);
    pub(crate) const WITHOUT: Self = Self(1 << 6);
    pub(crate) const DOUBT: Self = Self(1 << 7);
    pub(crate) const LEAST: Self = Self(1 << 8);
    /// `at` and `very`: `at least` negates nothing.
    pub(crate) const AT: Self = Self(1 << 9);
    pub(crate) const OR: Self = Self(1 << 10);
    /// Phrases begin with it.
    pub(crate) const PHRASE: Self = Self(1 << 11);

    pub(crate) fn has(self, role: Self) -> bool {
        self.0 & role.0 != 0
    }
}

impl BitOr for Role {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Entry {
    /// -4 to 4; 0: none.
    pub(crate) mood: f32,
    /// What it adds to the strength of a word of mood behind it; 0: nothing.
    pub(crate) boost: f32,
    pub(crate) role: Role,
}

impl Entry {
    pub(crate) fn of_mood(mood: f32) -> Self {
        Self {
            mood,
            ..Self::default()
        }
    }

    /// From the second column of a table: a mood, or what the word does.
    pub(super) fn read(column: &str) -> Option<Self> {
        let of = |boost, role| {
            Some(Self {
                mood: 0.0,
                boost,
                role,
            })
        };
        match column {
            "more" => of(BOOST, Role::default()),
            "less" => of(-BOOST, Role::default()),
            "not" => of(0.0, Role::NOT),
            "not-behind" => of(0.0, Role::NOT_BEHIND),
            "but" => of(0.0, Role::BUT),
            mood => mood.parse().ok().map(Self::of_mood),
        }
    }

    /// What the rules know a folded English word for, besides its mood.
    pub(super) fn role_of(word: &str) -> Role {
        match word {
            "no" => Role::NO,
            "never" => Role::NEVER,
            "so" | "this" => Role::SO,
            "without" => Role::WITHOUT,
            "doubt" => Role::DOUBT,
            "least" => Role::LEAST,
            "at" | "very" => Role::AT,
            "or" | "nor" => Role::OR,
            _ => Role::default(),
        }
    }

    pub(crate) fn has(self, role: Role) -> bool {
        self.role.has(role)
    }

    pub(crate) fn is_mood(self) -> bool {
        self.mood != 0.0
    }

    pub(crate) fn is_known(self) -> bool {
        self != Self::default()
    }
}
