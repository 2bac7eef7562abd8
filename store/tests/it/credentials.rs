//! Credentials at rest: sealed, bound to their channel, and moved to a new key.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::json;
use store::{Keyring, KeyringError, Store, StoreError, channel, channel::ChannelPatch};

use crate::rig::{Bed, sandbox};

#[tokio::test]
async fn rotation_and_resealing() {
    let bed = Bed::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys/keyring.json");
    let keyring = Keyring::load_or_create(&path).unwrap();
    let store = Store::connect(&bed.url, 2, keyring.clone()).unwrap();
    let secret = json!({"bot_token": "geheim"});
    let mut new = sandbox("secret");
    new.credentials = Some(secret.clone());
    let row = channel::create(&store, bed.ours, new).await.unwrap();
    assert!(row.has_credentials);
    assert!(!format!("{row:?}{keyring:?}").contains("geheim"));
    let read = async |store: &Store| channel::credentials(store, bed.ours, row.id).await;
    assert_eq!(read(&store).await.unwrap(), Some(secret.clone()));
    let stands = bed
        .sql("select 1 from comm_channels where credentials_encrypted like 'v1:k1:%' and credentials_key_id = 'k1'")
        .await;
    assert_eq!(stands, 1);

    // Old texts open after a rotation, and are moved to the new key once.
    assert_eq!(keyring.rotate().unwrap(), "k2");
    assert_eq!(read(&store).await.unwrap(), Some(secret.clone()));
    assert_eq!(channel::reseal_all(&store).await.unwrap(), 1);
    assert_eq!(channel::reseal_all(&store).await.unwrap(), 0);
    assert_eq!(read(&store).await.unwrap(), Some(secret.clone()));
    assert_eq!(
        bed.sql("select 1 from comm_channels where credentials_key_id = 'k2'")
            .await,
        1
    );

    // A process started later reads the same file; one with another file cannot open anything.
    let later = Store::connect(&bed.url, 2, Keyring::load_or_create(&path).unwrap()).unwrap();
    assert_eq!(read(&later).await.unwrap(), Some(secret.clone()));
    assert!(matches!(read(&bed.store).await, Err(StoreError::Other(_))));
    let all = channel::load_all(&later).await.unwrap();
    let loaded = all
        .iter()
        .find(|(channel, _)| channel.id == row.id)
        .unwrap();
    assert_eq!(loaded.1, Some(secret));
    let all = channel::load_all(&bed.store).await.unwrap();
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|(_, credentials)| credentials.is_none()));

    // A sealed text on another channel's row does not open.
    bed.sql(&format!(
        "update comm_channels set credentials_encrypted = s.credentials_encrypted, credentials_key_id = s.credentials_key_id
         from comm_channels s where s.id = '{}' and comm_channels.id = '{}'",
        row.id, bed.channel.id
    ))
    .await;
    let moved = channel::credentials(&later, bed.ours, bed.channel.id).await;
    assert!(matches!(moved, Err(StoreError::Other(_))));

    let patch = ChannelPatch {
        credentials: Some(None),
        ..ChannelPatch::default()
    };
    let row = channel::update(&later, bed.ours, row.id, patch)
        .await
        .unwrap();
    assert!(!row.has_credentials);
}

#[test]
fn the_key_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keyring.json");
    let first = Keyring::load_or_create(&path).unwrap();
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    let sealed = first.seal(b"a", b"text");
    let second = Keyring::load_or_create(&path).unwrap();
    assert_eq!(second.open(b"a", &sealed.text).unwrap(), b"text");
    assert!(matches!(
        second.open(b"b", &sealed.text),
        Err(KeyringError::DoesNotOpen)
    ));
    assert_ne!(
        first.seal(b"a", b"text"),
        sealed,
        "a nonce is drawn for each"
    );

    first.rotate().unwrap();
    assert_eq!(mode(), 0o600);
    let new = first.seal(b"a", b"text");
    assert_eq!(new.key_id, "k2");
    // Another process learns of the new key when it needs it, and seals with it.
    assert_eq!(second.open(b"a", &new.text).unwrap(), b"text");
    assert_eq!(second.seal(b"a", b"text").key_id, "k2");
    assert_eq!(second.open(b"a", &sealed.text).unwrap(), b"text");
    // Neither forgets a key that the other made.
    assert_eq!(second.rotate().unwrap(), "k3");
    assert_eq!(first.rotate().unwrap(), "k4");
    assert_eq!(second.seal(b"a", b"text").key_id, "k4");
    assert!(matches!(
        second.open(b"a", &new.text.replacen("k2", "k9", 1)),
        Err(KeyringError::UnknownKey(_))
    ));
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing left beside it"
    );

    for damaged in [
        "",
        "{}",
        r#"{"current":"k9","keys":{}}"#,
        r#"{"current":"k1","keys":{"k1":"AAAA"}}"#,
    ] {
        fs::write(&path, damaged).unwrap();
        assert!(matches!(
            Keyring::load_or_create(&path),
            Err(KeyringError::Form)
        ));
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            damaged,
            "never replaced"
        );
    }
    // What runs keeps the keys it has.
    assert_eq!(second.open(b"a", &new.text).unwrap(), b"text");
    assert_eq!(second.seal(b"a", b"text").key_id, "k4");
    for text in ["", "v1:k1", "v2:k1:AAAA", "v1:k1:AAAA", "v1:k1:!"] {
        assert!(matches!(
            first.open(b"a", text),
            Err(KeyringError::DoesNotOpen)
        ));
    }
}

#[test]
fn what_was_signed_is_known_again_also_after_a_rotation() {
    let ring = Keyring::ephemeral();
    let tag = ring.sign("media", b"file 7");
    assert!(ring.has_signed("media", b"file 7", &tag));
    ring.rotate().unwrap();
    assert!(ring.has_signed("media", b"file 7", &tag));
    assert_ne!(ring.sign("media", b"file 7"), tag);
    assert!(!ring.has_signed("media", b"file 8", &tag));
    assert!(!ring.has_signed("tracking", b"file 7", &tag));
    assert!(!ring.has_signed("media", b"file 7", &tag[..15]));
    assert!(!ring.has_signed("media", b"file 7", &[0; 16]));
    assert!(!Keyring::ephemeral().has_signed("media", b"file 7", &tag));
}
