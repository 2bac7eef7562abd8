//! A real IMAP server (Dovecot, of the distribution) in a temporary folder, on a free port, with mailboxes as folders.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, User, geteuid},
};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const USER: &str = "ada";
pub(crate) const PASSWORD: &str = "correct horse";
/// Signed the certificate of `localhost`; nothing but tests trusts it.
pub(crate) const AUTHORITY: &str = include_str!("../../sinks/src/channel/smtp/tls/authority.pem");
const CERTIFICATE: &str = include_str!("../../sinks/src/channel/smtp/tls/server.pem");
const KEY: &str = include_str!("../../sinks/src/channel/smtp/tls/key.pem");

pub(crate) struct Dovecot {
    folder: TempDir,
    /// Of the mailboxes; root may not be a mail user.
    owner: User,
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
    child: Child,
    delivered: AtomicU32,
}

impl Dovecot {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("tidings-imap-")
            .tempdir_in("/tmp")
            .unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let me = User::from_uid(geteuid()).unwrap().unwrap();
        let owner = match me.uid.is_root() {
            true => User::from_name("nobody").unwrap().unwrap(),
            false => me,
        };
        let (port, tls_port) = (free_port(), free_port());
        let path = folder.path();
        fs::write(path.join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n")).unwrap();
        fs::write(path.join("cert.pem"), CERTIFICATE).unwrap();
        fs::write(path.join("key.pem"), KEY).unwrap();
        fs::write(path.join("conf"), config(path, &owner, port, tls_port)).unwrap();
        let child = spawn(path);
        let server = Self {
            folder,
            owner,
            port,
            tls_port,
            child,
            delivered: AtomicU32::new(0),
        };
        for part in ["", "new", "cur", "tmp"] {
            server.make_folder(&server.mailbox().join(part));
        }
        server.answers().await;
        server
    }

    /// `credentials.imap` of a channel for this server.
    pub(crate) fn imap(&self, tls: &str, password: &str) -> Value {
        let port = if tls == "implicit" {
            self.tls_port
        } else {
            self.port
        };
        json!({"host": "localhost", "port": port, "tls": tls, "username": USER, "password": password,
            "ca_pem": AUTHORITY})
    }

    /// Puts a mail into the mailbox, as a delivery agent does.
    pub(crate) fn deliver(&self, mail: &str) {
        let number = self.delivered.fetch_add(1, Ordering::Relaxed);
        let name = format!("{number:06}.M{number}P1.localhost");
        let aside = self.mailbox().join("tmp").join(&name);
        fs::write(&aside, mail).unwrap();
        self.give(&aside);
        fs::rename(aside, self.mailbox().join("new").join(name)).unwrap();
    }

    /// Files in the mailbox, with their flags.
    pub(crate) fn mails(&self) -> Vec<String> {
        ["new", "cur"]
            .iter()
            .flat_map(|part| fs::read_dir(self.mailbox().join(part)).unwrap())
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// Forgets which mail had which number, so that the mailbox gets another UIDVALIDITY.
    pub(crate) async fn renumber(&mut self) {
        self.end();
        for entry in fs::read_dir(self.mailbox()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::remove_file(path).unwrap();
            }
        }
        self.child = spawn(self.folder.path());
        self.answers().await;
    }

    fn mailbox(&self) -> PathBuf {
        self.folder.path().join("mail").join(USER)
    }

    fn make_folder(&self, path: &Path) {
        fs::create_dir_all(path).unwrap();
        self.give(path);
        self.give(path.parent().unwrap());
    }

    fn give(&self, path: &Path) {
        let (user, group) = (self.owner.uid.as_raw(), self.owner.gid.as_raw());
        chown(path, Some(user), Some(group)).unwrap();
    }

    async fn answers(&self) {
        let started = Instant::now();
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "dovecot does not answer:\n{log}"
            );
            ticks.tick().await;
        }
    }

    fn end(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        // Its own processes go with it.
        if kill(pid, Signal::SIGTERM).is_err() {
            return;
        }
        drop(self.child.wait());
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.end();
    }
}

fn spawn(folder: &Path) -> Child {
    let program = ["/usr/sbin/dovecot", "/usr/local/sbin/dovecot"]
        .into_iter()
        .find(|program| Path::new(program).exists())
        .unwrap_or("dovecot");
    Command::new(program)
        .arg("-F")
        .arg("-c")
        .arg(folder.join("conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("dovecot is there (scripts/setup --dev installs it)")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn config(folder: &Path, owner: &User, port: u16, tls_port: u16) -> String {
    let folder = folder.display();
    let user = &owner.name;
    let group = nix::unistd::Group::from_gid(owner.gid)
        .unwrap()
        .unwrap()
        .name;
    format!(
        "base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
first_valid_uid = 1
mail_location = maildir:{folder}/mail/%u
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  chroot =
}}
namespace inbox {{
  inbox = yes
}}
"
    )
}
