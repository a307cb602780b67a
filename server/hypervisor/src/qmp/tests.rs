use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::{Qmp, QmpLimits};
use crate::Error;

const GREETING: &str = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n";

fn limits() -> QmpLimits {
    QmpLimits {
        greeting: Duration::from_millis(300),
        command: Duration::from_millis(300),
    }
}

fn server<F: Future<Output = ()> + Send + 'static>(
    serve: impl FnOnce(BufReader<UnixStream>) -> F + Send + 'static,
) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(BufReader::new(stream)).await;
        // Nobody else is served, and the connection stays.
        std::future::pending::<()>().await;
    });
    (folder, socket)
}

/// Greets, agrees, and gives these lines to the next command.
async fn monitor(mut stream: BufReader<UnixStream>, answer: Vec<u8>) {
    let mut line = String::new();
    stream.write_all(GREETING.as_bytes()).await.unwrap();
    stream.read_line(&mut line).await.unwrap();
    stream
        .write_all(b"{\"return\": {}, \"id\": 1}\r\n")
        .await
        .unwrap();
    stream.read_line(&mut line).await.unwrap();
    let _ = stream.write_all(&answer).await;
    std::future::pending::<()>().await;
}

async fn asked(answer: &[u8]) -> (TempDir, Qmp, Result<serde_json::Value, Error>) {
    let answer = answer.to_vec();
    let (folder, socket) = server(|stream| monitor(stream, answer));
    let mut qmp = Qmp::connect(&socket, limits()).await.unwrap();
    let reply = qmp.execute("query-status", json!({})).await;
    (folder, qmp, reply)
}

#[tokio::test]
async fn a_monitor_that_hangs_is_busy() {
    let (_folder, socket) = server(|stream| async move {
        std::mem::forget(stream);
    });
    let hung = Qmp::connect(&socket, limits()).await.unwrap_err();
    assert_eq!(hung, Error::Busy("its monitor gives no greeting"));
    let nobody = Qmp::connect(&socket.with_extension("x"), limits()).await;
    assert!(matches!(nobody, Err(Error::Unreachable(_))));
}

#[tokio::test]
async fn replies_are_found_among_events_and_older_replies() {
    let lines = concat!(
        "{\"event\": \"STOP\", \"timestamp\": {\"seconds\": 2, \"microseconds\": 5}}\n",
        "{\"return\": 1, \"id\": 1}\n",
        "{\"return\": {\"running\": true}, \"id\": 2}\n",
        "{\"event\": \"RESUME\"}\n",
    );
    let (_folder, mut qmp, reply) = asked(lines.as_bytes()).await;
    assert_eq!(reply.unwrap(), json!({"running": true}));
    assert_eq!(qmp.last_event("STOP"), Some(2_000_005));
    assert_eq!(qmp.event().await.unwrap().name, "STOP");
    assert_eq!(qmp.event().await.unwrap().name, "RESUME");
}

#[tokio::test]
async fn a_monitor_that_lies_gives_an_error() {
    let refusal =
        b"{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\\nway\"}, \"id\": 2}\n";
    let (_folder, _qmp, reply) = asked(refusal).await;
    let text = "GenericError: no way".to_owned();
    let command = "query-status";
    assert_eq!(reply, Err(Error::Refused { command, text }));

    let silent = Err(Error::TimedOut("query-status"));
    let (_folder, _qmp, reply) = asked(b"").await;
    assert_eq!(reply, silent);
    let (_folder, _qmp, reply) = asked(b"{\"return\": {}, \"id\": 77}\n").await;
    assert_eq!(reply, silent);
    for line in [
        "no json\n",
        "[1]\n",
        "{\"return\": {}, \"id\": 2\n",
        "\u{0}\n",
    ] {
        let (_folder, _qmp, reply) = asked(line.as_bytes()).await;
        assert!(
            matches!(reply, Err(Error::Protocol(_))),
            "{line}: {reply:?}"
        );
    }
    let deep = format!("{}\n", "[".repeat(100_000));
    let (_folder, _qmp, reply) = asked(deep.as_bytes()).await;
    assert!(matches!(reply, Err(Error::Protocol(_))), "{reply:?}");
    let long = vec![b' '; 6 << 20];
    let (_folder, _qmp, reply) = asked(&long).await;
    assert_eq!(reply, Err(Error::Limit("a line")));
}

#[tokio::test]
async fn a_flood_of_events_is_bounded() {
    let mut lines = "{\"event\": \"X\", \"data\": {\"a\": 1}}\n".repeat(5_000);
    lines.push_str("{\"return\": {}, \"id\": 2}\n");
    let (_folder, qmp, reply) = asked(lines.as_bytes()).await;
    reply.unwrap();
    assert_eq!(qmp.events(), 256);
}
