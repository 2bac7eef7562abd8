//! A small map in memory that never grows past its bound: what is newest is kept, roughly.
//!
//! Two generations: when the young one is full it becomes the old one and the old one is dropped,
//! so an insert never searches for what to evict.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

pub(crate) struct Bounded<K, V> {
    generations: Mutex<Generations<K, V>>,
    half: usize,
}

struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash, V: Clone> Bounded<K, V> {
    /// Holds at most `bound` entries, and at least the newest half of that.
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            generations: Mutex::new(Generations {
                young: HashMap::new(),
                old: HashMap::new(),
            }),
            half: (bound / 2).max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Generations<K, V>> {
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let generations = self.lock();
        generations
            .young
            .get(key)
            .or_else(|| generations.old.get(key))
            .cloned()
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        let mut generations = self.lock();
        if generations.young.len() >= self.half && !generations.young.contains_key(&key) {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, value);
    }

    /// The entry there was, or `None` after this one was put in.
    pub(crate) fn insert_if_absent(&self, key: K, value: V) -> Option<V> {
        let mut generations = self.lock();
        if let Some(found) = generations
            .young
            .get(&key)
            .or_else(|| generations.old.get(&key))
        {
            return Some(found.clone());
        }
        if generations.young.len() >= self.half {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, value);
        None
    }

    pub(crate) fn remove(&self, key: &K) {
        let mut generations = self.lock();
        generations.young.remove(key);
        generations.old.remove(key);
    }

    pub(crate) fn clear(&self) {
        let mut generations = self.lock();
        generations.young.clear();
        generations.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_and_never_more_than_its_bound() {
        let map = Bounded::new(10);
        for number in 0..1000 {
            map.insert(number, number);
            let generations = map.lock();
            assert!(generations.young.len() + generations.old.len() <= 10);
        }
        for number in 995..1000 {
            assert_eq!(map.get(&number), Some(number));
        }
        assert_eq!(map.get(&1), None);
        map.insert(999, 7);
        assert_eq!(map.get(&999), Some(7));
        assert_eq!(map.insert_if_absent(999, 8), Some(7));
        map.remove(&999);
        assert_eq!(map.insert_if_absent(999, 8), None);
        map.clear();
        assert_eq!(map.get(&999), None);
    }
}
