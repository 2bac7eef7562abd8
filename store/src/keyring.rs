//! Keys for channel credentials at rest: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha), bound to tenant
//! and channel as associated data, so a sealed text moved to another row does not open.
//!
//! The file is JSON, `{"current":"k1","keys":{"k1":"<base64 of 32 bytes>"}}`, mode 0600. Old keys stay
//! in it, so what they sealed still opens; [`crate::channel::reseal_all`] moves rows to the current one.
//! Other processes may rotate: the file is looked at before sealing, once a second when signing, and when a key is unknown,
//! and read again when it is another than the one read last.
//! Deliberately absent: dropping old keys, which is safe only when no backup needs them.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, Key, Payload},
};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

const VERSION: &str = "v1";
const NONCE_BYTES: usize = 24;

/// What can go wrong with keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    #[error("the key file cannot be read or written")]
    File(#[source] io::Error),
    #[error("the key file is not of the documented form")]
    Form,
    /// Sealed by a key that is not in the file.
    #[error("no key {0:?} in the key file")]
    UnknownKey(String),
    /// Altered, or moved from another channel.
    #[error("the sealed text does not open")]
    DoesNotOpen,
}

/// A sealed text and the key that sealed it: the columns `credentials_encrypted` and `credentials_key_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub key_id: String,
    /// `v1:<key id>:<base64 of nonce and ciphertext>`
    pub text: String,
}

/// The keys; cheap to clone, and all clones see a rotation.
#[derive(Clone)]
pub struct Keyring {
    path: Option<Arc<PathBuf>>,
    ring: Arc<RwLock<Ring>>,
    /// The second in which it was last looked at the file for [`Keyring::sign`], counted from some moment.
    looked: Arc<AtomicU64>,
}

struct Ring {
    keys: Keys,
    /// The file these keys are of; a file is always replaced as a whole.
    read: Option<Edition>,
}

/// Tells a file from the one that replaced it: device, inode, time of change.
type Edition = (u64, u64, i64, i64);

#[derive(Clone)]
struct Keys {
    current: String,
    ciphers: BTreeMap<String, Key<XChaCha20Poly1305>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    current: String,
    keys: BTreeMap<String, String>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("current", &self.current())
            .finish_non_exhaustive()
    }
}

impl Keyring {
    /// Reads the file, or makes it with one fresh key.
    ///
    /// # Errors
    /// [`KeyringError::File`], [`KeyringError::Form`]. A damaged file is never replaced.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyringError> {
        // Before the keys: a file that is replaced in between is read again.
        let read = edition(path);
        let keys = match fs::read(path) {
            Ok(bytes) => Keys::parse(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let keys = Keys::fresh();
                match keys.write_new(path) {
                    Ok(()) => keys,
                    // Another process was faster; both must use one key.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        Keys::parse(&fs::read(path).map_err(KeyringError::File)?)?
                    }
                    Err(error) => return Err(KeyringError::File(error)),
                }
            }
            Err(error) => return Err(KeyringError::File(error)),
        };
        Ok(Self {
            path: Some(Arc::new(path.to_owned())),
            ring: Arc::new(RwLock::new(Ring { keys, read })),
            looked: Arc::default(),
        })
    }

    /// A ring of one key that is nowhere else: what it sealed is lost with the process.
    #[must_use]
    pub fn ephemeral() -> Self {
        Self {
            path: None,
            ring: Arc::new(RwLock::new(Ring {
                keys: Keys::fresh(),
                read: None,
            })),
            looked: Arc::default(),
        }
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn current(&self) -> String {
        self.ring().keys.current.clone()
    }

    /// Seals; `aad` must be given again to open.
    #[must_use]
    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Sealed {
        self.look();
        let keys = &self.ring().keys;
        let key = keys
            .ciphers
            .get(&keys.current)
            .expect("`current` names a key: checked by `parse`, kept by `rotate`");
        let nonce = XNonce::generate();
        let payload = Payload { msg: plain, aad };
        let sealed = XChaCha20Poly1305::new(key)
            .encrypt(&nonce, payload)
            .expect("only a text of 256 GiB is refused");
        let bytes = [nonce.as_slice(), &sealed].concat();
        Sealed {
            text: format!("{VERSION}:{}:{}", keys.current, STANDARD.encode(bytes)),
            key_id: keys.current.clone(),
        }
    }

    /// Opens what [`Keyring::seal`] made with the same `aad`.
    ///
    /// # Errors
    /// [`KeyringError::UnknownKey`], [`KeyringError::DoesNotOpen`].
    pub fn open(&self, aad: &[u8], text: &str) -> Result<Vec<u8>, KeyringError> {
        let mut parts = text.splitn(3, ':');
        let (Some(VERSION), Some(key_id), Some(sealed)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(KeyringError::DoesNotOpen);
        };
        let bytes = STANDARD
            .decode(sealed)
            .map_err(|_| KeyringError::DoesNotOpen)?;
        let (nonce, msg) = bytes
            .split_at_checked(NONCE_BYTES)
            .ok_or(KeyringError::DoesNotOpen)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| KeyringError::DoesNotOpen)?;
        let known = |keys: &Keys| keys.ciphers.get(key_id).cloned();
        let mut key = known(&self.ring().keys);
        if key.is_none() {
            self.look();
            key = known(&self.ring().keys);
        }
        let key = &key.ok_or_else(|| KeyringError::UnknownKey(key_id.to_owned()))?;
        XChaCha20Poly1305::new(key)
            .decrypt(&nonce, Payload { msg, aad })
            .map_err(|_| KeyringError::DoesNotOpen)
    }

    /// A tag by which [`Keyring::has_signed`] knows the data again: HMAC-SHA-256 under a key of its own for each purpose,
    /// cut to 128 bits. A key that another process made is used from about a second later on: what an earlier one signed is
    /// known as well, and mails are signed by the million.
    #[must_use]
    pub fn sign(&self, purpose: &str, data: &[u8]) -> [u8; 16] {
        self.look_seldom();
        let keys = &self.ring().keys;
        keys.ciphers
            .get(&keys.current)
            .map_or([0; 16], |key| tag(key, purpose, data))
    }

    /// Whether a key of the ring, current or earlier, gave this tag. Takes the same time whatever the tag is.
    #[must_use]
    pub fn has_signed(&self, purpose: &str, data: &[u8], given: &[u8]) -> bool {
        let known = |ring: &Ring| {
            let keys = ring.keys.ciphers.values();
            keys.fold(Choice::from(0), |known, key| {
                known | tag(key, purpose, data).ct_eq(given)
            })
        };
        if bool::from(known(&self.ring())) {
            return true;
        }
        // Another process may have rotated.
        self.look();
        bool::from(known(&self.ring()))
    }

    /// Adds a fresh key, which seals from now on; its id. The file is replaced as a whole.
    ///
    /// # Errors
    /// [`KeyringError::File`]; the ring is then as before.
    pub fn rotate(&self) -> Result<String, KeyringError> {
        self.look();
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = ring.keys.clone();
        let id = (next.ciphers.len() + 1..)
            .map(|number| format!("k{number}"))
            .find(|id| !next.ciphers.contains_key(id))
            .expect("the numbers do not run out");
        next.ciphers
            .insert(id.clone(), Key::<XChaCha20Poly1305>::generate());
        next.current.clone_from(&id);
        if let Some(path) = &self.path {
            next.replace(path).map_err(KeyringError::File)?;
            // Read again at the next look, in case another was faster.
            ring.read = None;
        }
        ring.keys = next;
        Ok(id)
    }

    fn ring(&self) -> std::sync::RwLockReadGuard<'_, Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// [`Keyring::look`], once a second at most.
    fn look_seldom(&self) {
        static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
        let now = BEGUN.elapsed().as_secs() + 1;
        if self.looked.load(Ordering::Relaxed) != now
            && self.looked.swap(now, Ordering::Relaxed) != now
        {
            self.look();
        }
    }

    /// Takes the keys of the file if it is another than the one read last. One that cannot be read
    /// leaves the keys as they are.
    fn look(&self) {
        let Some(path) = &self.path else { return };
        let found = edition(path);
        if found.is_none() || found == self.ring().read {
            return;
        }
        let keys = fs::read(path.as_path())
            .map_err(KeyringError::File)
            .and_then(|bytes| Keys::parse(&bytes));
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        ring.read = found;
        match keys {
            Ok(keys) => ring.keys = keys,
            Err(error) => tracing::error!(%error, "the key file was changed and is not used"),
        }
    }
}

fn tag(key: &Key<XChaCha20Poly1305>, purpose: &str, data: &[u8]) -> [u8; 16] {
    let mac = |key: &[u8], data: &[u8]| {
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key)
            .expect("HMAC takes keys of every length");
        mac.update(data);
        mac.finalize().into_bytes()
    };
    let own = mac(key.as_slice(), purpose.as_bytes());
    let whole = mac(&own, data);
    let mut tag = [0; 16];
    for (byte, from) in tag.iter_mut().zip(whole) {
        *byte = from;
    }
    tag
}

fn edition(path: &Path) -> Option<Edition> {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino(), found.mtime(), found.mtime_nsec()))
}

impl Keys {
    fn fresh() -> Self {
        let current = "k1".to_owned();
        Self {
            ciphers: BTreeMap::from([(current.clone(), Key::<XChaCha20Poly1305>::generate())]),
            current,
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, KeyringError> {
        let file: File = serde_json::from_slice(bytes).map_err(|_| KeyringError::Form)?;
        let ciphers = file
            .keys
            .into_iter()
            .map(|(id, key)| {
                let key = STANDARD.decode(key).map_err(|_| KeyringError::Form)?;
                let key = Key::<XChaCha20Poly1305>::try_from(key.as_slice())
                    .map_err(|_| KeyringError::Form)?;
                Ok((id, key))
            })
            .collect::<Result<BTreeMap<_, _>, KeyringError>>()?;
        if !ciphers.contains_key(&file.current) || ciphers.keys().any(|id| id.contains(':')) {
            return Err(KeyringError::Form);
        }
        Ok(Self {
            current: file.current,
            ciphers,
        })
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        let file = File {
            current: self.current.clone(),
            keys: self
                .ciphers
                .iter()
                .map(|(id, key)| (id.clone(), STANDARD.encode(key)))
                .collect(),
        };
        Ok(serde_json::to_vec_pretty(&file)?)
    }

    /// Puts a whole file in place, unless there is one: a reader never sees half of it.
    fn write_new(&self, path: &Path) -> io::Result<()> {
        let whole = self.write_beside(path)?;
        let placed = fs::hard_link(&whole, path);
        fs::remove_file(&whole)?;
        placed
    }

    fn replace(&self, path: &Path) -> io::Result<()> {
        fs::rename(self.write_beside(path)?, path)
    }

    fn write_beside(&self, path: &Path) -> io::Result<PathBuf> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let beside = path.with_extension(format!("{}.tmp", uuid::Uuid::now_v7().simple()));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(&self.bytes()?)?;
        file.sync_all()?;
        Ok(beside)
    }
}
