//! The broker and the database of all tests.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

/// Processes that end with this one, because their standard input closes.
pub(super) struct Servers {
    pub(super) nats_url: String,
    pub(super) postgres_url: String,
    _database: Child,
    _broker: Child,
    _folder: tempfile::TempDir,
}

pub(super) fn servers() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let mut database = Command::new(root.join("scripts/with-postgres"))
            .args(["sh", "-c", "echo \"$DATABASE_URL\"; read -r end"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut postgres_url = String::new();
        BufReader::new(database.stdout.take().unwrap())
            .read_line(&mut postgres_url)
            .unwrap();

        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = folder.path().join("server.conf");
        let store = folder.path().join("js");
        write!(
            std::fs::File::create(&config).unwrap(),
            "listen: 127.0.0.1:{port}\nmax_payload: 8MB\n\
             jetstream {{ store_dir: {store:?}, max_file: 64GB, max_mem: 256MB }}\n"
        )
        .unwrap();
        // Ends the broker, and itself, when this process is gone.
        let broker = Command::new("sh")
            .args([
                "-c",
                "\"$0\" -c \"$1\" -l \"$1.log\" & read -r end; kill $!; wait",
            ])
            .arg(nats_server(&root))
            .arg(&config)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Servers {
            nats_url: format!("nats://127.0.0.1:{port}"),
            postgres_url: postgres_url.trim().to_owned(),
            _database: database,
            _broker: broker,
            _folder: folder,
        }
    })
}

fn nats_server(root: &std::path::Path) -> PathBuf {
    if let Some(path) = std::env::var_os("TIDINGS_NATS_SERVER") {
        return path.into();
    }
    let fetched = root.join(".tidings/tools/nats-server");
    if fetched.exists() {
        fetched
    } else {
        "nats-server".into()
    }
}
