//! The two servers themselves: started, killed, stopped and started again.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;
use crate::config::Config;

fn settings() -> EmbeddedSettings {
    Config::load(None).unwrap().embedded
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn address_in(url: &str) -> SocketAddr {
    let (_, rest) = url
        .rsplit_once('@')
        .unwrap_or(url.split_once("//").unwrap());
    rest.split('/').next().unwrap().parse().unwrap()
}

fn accepts(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok()
}

fn alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn kill_9(pid: u32) {
    kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn starts_and_stops_twice_and_keeps_its_secrets() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("hub");

    let first = Embedded::start(&dir, &settings()).await.unwrap();
    let second = Embedded::start(&dir, &settings())
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(second.contains("already runs"), "{second}");
    let passwords = (
        first.nats().password.clone(),
        first.nats().callout_seed.clone(),
    );
    let nats_url = first.nats().url_with_credentials();
    let pids = first.pids();
    first
        .folder()
        .write_ready(&Ready {
            url: "http://127.0.0.1:1",
            key: "k",
            nats_url: nats_url.expose(),
            postgres_url: first.postgres_url().expose(),
            pid: std::process::id(),
        })
        .unwrap();
    let postgres = address_in(first.postgres_url().expose());
    assert!(accepts(postgres) && accepts(address_in(nats_url.expose())));
    first.stop().await.unwrap();
    assert!(!dir.join("ready.json").exists());
    assert!(!accepts(postgres));
    assert!(!alive(pids.nats_server.unwrap()) && !alive(pids.postgres.unwrap()));
    assert!(
        !dir.join("postgres/data/postmaster.pid").exists(),
        "Postgres ended cleanly"
    );

    let started = Instant::now();
    let again = Embedded::start(&dir, &settings()).await.unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "a second start took {:?}",
        started.elapsed()
    );
    assert_eq!(
        passwords,
        (
            again.nats().password.clone(),
            again.nats().callout_seed.clone()
        )
    );
    again.stop().await.unwrap();
}

#[tokio::test]
async fn killed_servers_come_back_on_their_ports_and_leave_nothing_that_blocks() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("hub");
    let hub = Embedded::start(&dir, &settings()).await.unwrap();
    let (nats, postgres) = (
        address_in(&hub.nats().url),
        address_in(hub.postgres_url().expose()),
    );
    let before = hub.pids();
    kill_9(before.nats_server.unwrap());
    kill_9(before.postgres.unwrap());
    until("both run again", || {
        let now = hub.pids();
        now.nats_server
            .is_some_and(|pid| Some(pid) != before.nats_server)
            && now.postgres.is_some_and(|pid| Some(pid) != before.postgres)
            && accepts(nats)
            && accepts(postgres)
    })
    .await;
    hub.stop().await.unwrap();

    // A stale pid file whose pid is a living stranger's, as after a crash of the machine.
    let stranger = std::process::id();
    fs::write(dir.join("nats/pid"), stranger.to_string()).unwrap();
    fs::write(
        dir.join("postgres/data/postmaster.pid"),
        format!("{stranger}\n/nowhere\n"),
    )
    .unwrap();
    let hub = Embedded::start(&dir, &settings()).await.unwrap();
    hub.stop().await.unwrap();
}

#[tokio::test]
async fn a_taken_port_and_a_failed_start_leave_nothing_running() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("hub");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = settings();
    settings.postgres_port = taken.local_addr().unwrap().port();
    let error = format!(
        "{:#}",
        Embedded::start(&dir, &settings).await.err().unwrap()
    );
    assert!(error.contains("embedded.postgres_port"), "{error}");
    let nats_pid: u32 = fs::read_to_string(dir.join("nats/pid"))
        .unwrap_or_default()
        .trim()
        .parse()
        .unwrap_or(0);
    assert!(!alive(nats_pid));
    settings.postgres_port = 0;
    Embedded::start(&dir, &settings)
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
}
