//! A seeded state folder with processes on it; all of them end with the test.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rusqlite::Connection;
use tempfile::TempDir;

use crate::visitor::Visitor;

const PROGRAM: &str = env!("CARGO_BIN_EXE_shop-origin");
/// Enough for several products in several departments.
const SKUS: &str = "80";

/// A port at which nothing listens.
const NOBODY: &str = "http://127.0.0.1:1";

/// A process of the program under test.
pub(crate) struct Process {
    child: Child,
    /// Such as `http://127.0.0.1:40001`.
    pub(crate) url: String,
}

/// A shop's folder, and which processes serve it.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) shops: Vec<Process>,
    pub(crate) provider: Option<Process>,
}

impl World {
    /// One shop whose payment provider is not there.
    pub(crate) fn shop() -> World {
        let mut world = World::seeded();
        let shop = world.serve(&["--payment-provider", NOBODY]);
        world.shops.push(shop);
        world
    }

    /// Two shops on one folder, and a payment provider that tells both in turn.
    pub(crate) fn demo() -> World {
        let mut world = World::seeded();
        // The provider must know the shops, and the shops the provider: one of the ports is chosen first.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let provider = format!("http://{free}");
        for _ in 0..2 {
            let shop = world.serve(&["--payment-provider", &provider]);
            world.shops.push(shop);
        }
        let key = world.state().join("pay.key");
        let mut arguments = vec!["pay-simulator".to_owned(), "--listen".to_owned(), free.to_string()];
        arguments.extend(["--secret-file".to_owned(), key.display().to_string()]);
        for shop in &world.shops {
            arguments.extend(["--webhook".to_owned(), format!("{}/payment/webhook/simulator", shop.url)]);
        }
        world.provider = Some(Process::start(&arguments));
        world
    }

    fn seeded() -> World {
        let folder = tempfile::tempdir().unwrap();
        let world = World { folder, shops: Vec::new(), provider: None };
        let seeded = world.run(&["seed", "--scale", SKUS]);
        assert!(seeded.status.success(), "{seeded:?}");
        world
    }

    fn serve(&self, more: &[&str]) -> Process {
        let state = self.state().display().to_string();
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--state", &state];
        Process::start(&arguments.iter().chain(more).map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    /// Another process on the same folder.
    pub(crate) fn serve_again(&self) -> Process {
        self.serve(&["--payment-provider", NOBODY])
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("shop")
    }

    /// Runs a command on the folder to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let (command, rest) = arguments.split_first().unwrap();
        Command::new(PROGRAM).arg(command).arg("--state").arg(self.state()).args(rest).output().unwrap()
    }

    /// All oracles; the text that they print.
    pub(crate) fn audit(&self) -> String {
        let audit = self.run(&["audit"]);
        let printed = String::from_utf8(audit.stdout).unwrap();
        assert!(audit.status.success(), "{printed}");
        printed
    }

    pub(crate) fn database(&self) -> Connection {
        Connection::open(self.state().join("shop.sqlite")).unwrap()
    }

    pub(crate) fn count(&self, sql: &str) -> i64 {
        self.database().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Rows of everything that a request could change.
    pub(crate) fn rows(&self) -> Vec<i64> {
        ["shopping_cart_line", "shopping_order", "membership_account", "payment_capture", "queue_outbox"]
            .map(|table| self.count(&format!("SELECT count(*) FROM {table}")))
            .to_vec()
    }

    /// Somebody without a session, at the first shop.
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::new(&self.shops[0].url)
    }
}

impl Process {
    fn start(arguments: &[String]) -> Process {
        let mut child = Command::new(PROGRAM)
            .args(arguments)
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("it says where").to_owned();
        Process { child, url }
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop and waits until it has; whether it ended well.
    pub(crate) fn stop(&mut self) -> bool {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok(); // it may have ended
        self.child.wait().ok();
    }
}

/// Runs the program alone.
pub(crate) fn program(arguments: &[&str], folder: &Path) -> Output {
    Command::new(PROGRAM).args(arguments).current_dir(folder).output().unwrap()
}
