//! While Postgres is away.

use schemas::TenantId;
use store::{Keyring, Store, StoreError, channel, project, tenant};

use crate::rig::{Server, inbound};

#[tokio::test]
async fn everything_says_unavailable() {
    let mut server = Server::start();
    let store = Store::connect(&server.url, 2, Keyring::ephemeral()).unwrap();
    store.migrate().await.unwrap();
    store.ping().await.unwrap();
    let tenant: TenantId = tenant::ensure_first(&store, "t").await.unwrap().id;

    server.stop();
    let envelope = inbound(tenant, schemas::ChannelId::new(), "a", 1);
    let errors = [
        store.ping().await.unwrap_err(),
        store.migrate().await.unwrap_err(),
        tenant::list(&store).await.unwrap_err(),
        channel::load_all(&store).await.unwrap_err(),
        project::conversations(&store, &[envelope])
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert!(error.is_unavailable(), "{error:?}");
    }
    assert!(matches!(
        Store::connect("mysql://x", 1, Keyring::ephemeral()),
        Err(StoreError::Invalid(_))
    ));
}
