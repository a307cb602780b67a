//! Against servers that lie, stall and flood.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use crate::Error;
use crate::nbd::wire::{
    CHUNK, CHUNK_BLOCK_STATUS, CHUNK_DATA, CHUNK_DONE, CHUNK_ERROR, CHUNK_HOLE, CHUNK_NONE, EIO,
    GREETING, INFO_BLOCK_SIZE, INFO_EXPORT, OPT_GO, OPT_SET_META_CONTEXT, OPT_STRUCTURED_REPLY,
    OPTION, OPTION_REPLY, REP_ACK, REP_INFO, REP_META_CONTEXT, SIMPLE_REPLY,
};
use crate::nbd::{NbdClient, NbdLimits};

/// 1 MiB.
const SIZE: u64 = 1 << 20;

fn limits() -> NbdLimits {
    NbdLimits {
        handshake: Duration::from_millis(500),
        request: Duration::from_millis(500),
        ..NbdLimits::default()
    }
}

/// A server that does what `serve` says with its one connection.
fn server<F: Future<Output = ()> + Send + 'static>(
    serve: impl FnOnce(UnixStream) -> F + Send + 'static,
) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream).await;
    });
    (folder, socket)
}

fn reply(option: u32, kind: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = OPTION_REPLY.to_be_bytes().to_vec();
    bytes.extend(option.to_be_bytes());
    bytes.extend(kind.to_be_bytes());
    bytes.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend(data);
    bytes
}

fn export(size: u64, flags: u16) -> Vec<u8> {
    let mut data = INFO_EXPORT.to_be_bytes().to_vec();
    data.extend(size.to_be_bytes());
    data.extend(flags.to_be_bytes());
    reply(OPT_GO, REP_INFO, &data)
}

fn blocks(min: u32, max: u32) -> Vec<u8> {
    let mut data = INFO_BLOCK_SIZE.to_be_bytes().to_vec();
    data.extend([min, 4_096, max].map(u32::to_be_bytes).concat());
    reply(OPT_GO, REP_INFO, &data)
}

async fn option(stream: &mut UnixStream) {
    stream.read_u64().await.unwrap();
    stream.read_u32().await.unwrap();
    let length = stream.read_u32().await.unwrap();
    stream
        .read_exact(&mut vec![0; length as usize])
        .await
        .unwrap();
}

/// A good handshake, but for what is said in the end.
async fn handshake(stream: &mut UnixStream, last: &[Vec<u8>]) {
    stream.write_u64(GREETING).await.unwrap();
    stream.write_u64(OPTION).await.unwrap();
    stream.write_u16(3).await.unwrap();
    assert_eq!(stream.read_u32().await.unwrap(), 3);
    option(stream).await;
    let ack = reply(OPT_STRUCTURED_REPLY, REP_ACK, &[]);
    stream.write_all(&ack).await.unwrap();
    option(stream).await;
    let context = [&7_u32.to_be_bytes()[..], b"base:allocation"].concat();
    let context = reply(OPT_SET_META_CONTEXT, REP_META_CONTEXT, &context);
    stream.write_all(&context).await.unwrap();
    let ack = reply(OPT_SET_META_CONTEXT, REP_ACK, &[]);
    stream.write_all(&ack).await.unwrap();
    option(stream).await;
    stream.write_all(&last.concat()).await.unwrap();
}

fn good() -> Vec<Vec<u8>> {
    vec![
        export(SIZE, 3),
        blocks(1, 1 << 25),
        reply(OPT_GO, REP_ACK, &[]),
    ]
}

async fn refused(bytes: Vec<u8>) -> Error {
    let (_folder, socket) = server(|mut stream| async move {
        let _ = stream.write_all(&bytes).await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    NbdClient::connect(&socket, "d", limits())
        .await
        .unwrap_err()
}

#[tokio::test]
async fn a_bad_handshake_is_an_error() {
    assert_eq!(
        refused(Vec::new()).await,
        Error::TimedOut("the NBD handshake")
    );
    assert!(matches!(refused(vec![0; 64]).await, Error::Protocol(_)));
    let start = [GREETING.to_be_bytes(), OPTION.to_be_bytes()].concat();
    let old = [&start[..], &[0, 0]].concat();
    assert!(matches!(refused(old).await, Error::Unsupported(_)));
    let mut huge = [&start[..], &[0, 3]].concat();
    huge.extend(OPTION_REPLY.to_be_bytes());
    huge.extend(
        [OPT_STRUCTURED_REPLY, REP_ACK, u32::MAX]
            .map(u32::to_be_bytes)
            .concat(),
    );
    assert!(matches!(refused(huge).await, Error::Limit(_)));
}

#[tokio::test]
async fn what_is_said_of_an_export_is_held_against_sense() {
    let ack = || reply(OPT_GO, REP_ACK, &[]);
    let cases = [
        vec![ack()],
        vec![export(u64::MAX, 3), ack()],
        vec![export(SIZE, 0), ack()],
        vec![export(SIZE, 3), blocks(0, 1 << 20), ack()],
        vec![export(SIZE, 3), blocks(3, 1 << 20), ack()],
        vec![export(SIZE, 3), blocks(1 << 20, 1 << 20), ack()],
        vec![export(SIZE, 3), blocks(4_096, 512), ack()],
        vec![export(SIZE + 1, 3), blocks(512, 1 << 20), ack()],
        vec![reply(OPT_GO, REP_INFO, &[0])],
        vec![reply(OPT_GO, REP_INFO, &[0, 9]); 100],
        vec![reply(99, REP_ACK, &[])],
        vec![reply(OPT_GO, 17, &[])],
    ];
    for (i, case) in cases.into_iter().enumerate() {
        let (_folder, socket) = server(|mut stream| async move {
            handshake(&mut stream, &case).await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        });
        let error = NbdClient::connect(&socket, "d", limits())
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::Protocol(_) | Error::Limit(_)),
            "{i}: {error}"
        );
    }
}

/// A chunk of the first reply.
fn chunk(flags: u16, kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = CHUNK.to_be_bytes().to_vec();
    bytes.extend(flags.to_be_bytes());
    bytes.extend(kind.to_be_bytes());
    bytes.extend(0_u64.to_be_bytes());
    bytes.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend(data);
    bytes
}

fn data(flags: u16, at: u64, length: usize) -> Vec<u8> {
    let data = [&at.to_be_bytes()[..], &vec![7; length]].concat();
    chunk(flags, CHUNK_DATA, &data)
}

async fn answered(answer: Vec<u8>) -> (TempDir, NbdClient) {
    let (folder, socket) = server(|mut stream| async move {
        handshake(&mut stream, &good()).await;
        stream.read_exact(&mut [0; 28]).await.unwrap();
        let _ = stream.write_all(&answer).await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let client = NbdClient::connect(&socket, "d", limits()).await.unwrap();
    (folder, client)
}

#[tokio::test]
async fn a_reply_may_come_in_any_pieces() {
    let mut hole = 4_096_u64.to_be_bytes().to_vec();
    hole.extend(2_048_u32.to_be_bytes());
    let answer = [
        data(0, 6_144, 2_048),
        data(0, 0, 4_096),
        chunk(0, CHUNK_HOLE, &hole),
        chunk(CHUNK_DONE, CHUNK_NONE, &[]),
    ];
    let (_folder, client) = answered(answer.concat()).await;
    let piece = client.read_at(0, 8_192).await.unwrap();
    let expected = [vec![7; 4_096], vec![0; 2_048], vec![7; 2_048]].concat();
    assert_eq!(piece.bytes, expected);
}

#[tokio::test]
async fn a_lying_reply_ends_the_connection() {
    let header = |kind: u16, length: u32| {
        let mut bytes = chunk(CHUNK_DONE, kind, &[]);
        let at = bytes.len() - 4;
        bytes[at..].copy_from_slice(&length.to_be_bytes());
        bytes
    };
    let simple = |code: u32| {
        let words = [SIMPLE_REPLY, code, 0, 0];
        words.map(u32::to_be_bytes).concat()
    };
    let mut far = u64::MAX.to_be_bytes().to_vec();
    far.extend(u32::MAX.to_be_bytes());
    let mut other = data(CHUNK_DONE, 0, 8_192);
    other[15] = 9;
    let cases = [
        // Too little, twice, elsewhere, more than was asked, nothing.
        data(CHUNK_DONE, 0, 4_096),
        [data(0, 0, 8_192), data(CHUNK_DONE, 0, 1)].concat(),
        [data(0, 100, 10), data(CHUNK_DONE, 90, 11)].concat(),
        data(CHUNK_DONE, 8_192, 1),
        data(CHUNK_DONE, 0, 8_193),
        data(CHUNK_DONE, 0, 0),
        chunk(CHUNK_DONE, CHUNK_HOLE, &far),
        header(CHUNK_DATA, u32::MAX),
        header(CHUNK_ERROR + 1, u32::MAX),
        header(CHUNK_ERROR + 1, 1),
        header(CHUNK_BLOCK_STATUS, 12),
        header(CHUNK_NONE, 1),
        header(77, 0),
        chunk(0, CHUNK_NONE, &[]),
        chunk(CHUNK_DONE, CHUNK_NONE, &[]),
        other,
        simple(0),
        vec![1; 64],
    ];
    for (i, case) in cases.into_iter().enumerate() {
        let (_folder, client) = answered(case).await;
        let error = client.read_at(0, 8_192).await.unwrap_err();
        assert!(
            matches!(error, Error::Protocol(_) | Error::Limit(_)),
            "{i}: {error}"
        );
    }
}

#[tokio::test]
async fn a_flood_of_chunks_ends() {
    let flood = vec![chunk(0, CHUNK_ERROR + 1, &[0, 0, 0, 5, 0, 0]); 20_000].concat();
    let (_folder, client) = answered(flood).await;
    let error = client.read_at(0, 4_096).await.unwrap_err();
    assert_eq!(error, Error::Limit("chunks of an NBD reply"));
}

#[tokio::test]
async fn a_broken_snapshot_is_told_from_a_bad_sector() {
    let error = |code: u32| {
        let data = [&code.to_be_bytes()[..], &[0, 0]].concat();
        chunk(CHUNK_DONE, CHUNK_ERROR + 1, &data)
    };
    for code in [1, 22] {
        let (_folder, client) = answered(error(code)).await;
        let read = client.read_at(0, 4_096).await;
        assert_eq!(read, Err(Error::SnapshotBroken));
    }
    let (_folder, client) = answered(error(108)).await;
    assert!(matches!(
        client.read_at(0, 4_096).await,
        Err(Error::Gone(_))
    ));
    let (_folder, client) = answered(error(EIO)).await;
    let piece = client.read_at(0, 4_096).await.unwrap();
    assert_eq!(piece.unreadable, vec![0..4_096]);
    assert_eq!(piece.bytes, vec![0; 4_096]);
}

#[tokio::test]
async fn lying_extents_are_errors_and_long_ones_are_cut() {
    let status = |context: u32, extents: &[(u32, u32)]| {
        let mut data = context.to_be_bytes().to_vec();
        for (length, state) in extents {
            data.extend(length.to_be_bytes());
            data.extend(state.to_be_bytes());
        }
        chunk(CHUNK_DONE, CHUNK_BLOCK_STATUS, &data)
    };
    let cases = [
        status(7, &[]),
        status(8, &[(4_096, 0)]),
        status(7, &[(0, 0)]),
        status(7, &[(u32::MAX, 0), (1, 0)]),
        chunk(CHUNK_DONE, CHUNK_BLOCK_STATUS, &[0; 9]),
        data(CHUNK_DONE, 0, 4_096),
        chunk(CHUNK_DONE, CHUNK_NONE, &[]),
    ];
    for (i, case) in cases.into_iter().enumerate() {
        let (_folder, client) = answered(case).await;
        let error = client.extents(0, SIZE).await.unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{i}: {error}");
    }
    let (_folder, client) = answered(status(7, &[(512, 3), (512, 3), (u32::MAX, 2)])).await;
    let extents = client.extents(0, SIZE).await.unwrap();
    let ends: Vec<_> = extents.iter().map(|e| (e.offset, e.end())).collect();
    assert_eq!(ends, [(0, 1_024), (1_024, SIZE)]);
}

#[tokio::test]
async fn silence_ends_in_time_and_the_connection_with_it() {
    let (_folder, client) = answered(Vec::new()).await;
    let silent = Error::TimedOut("an NBD reply");
    assert_eq!(client.read_at(0, 512).await, Err(silent.clone()));
    assert_eq!(client.read_at(0, 512).await, Err(silent));
    // A byte now and then is silence too.
    let (_folder, socket) = server(|mut stream| async move {
        handshake(&mut stream, &good()).await;
        for byte in data(CHUNK_DONE, 0, 4_096) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if stream.write_u8(byte).await.is_err() {
                return;
            }
        }
    });
    let client = NbdClient::connect(&socket, "d", limits()).await.unwrap();
    let slow = client.read_at(0, 4_096).await;
    assert_eq!(slow, Err(Error::TimedOut("an NBD reply")));
}

#[tokio::test]
async fn a_server_that_goes_is_gone() {
    let (_folder, socket) = server(|mut stream| async move {
        handshake(&mut stream, &good()).await;
        stream.read_exact(&mut [0; 28]).await.unwrap();
    });
    let client = NbdClient::connect(&socket, "d", limits()).await.unwrap();
    assert!(matches!(client.read_at(0, 512).await, Err(Error::Gone(_))));
    let nobody = NbdClient::connect(&socket.with_extension("x"), "d", limits()).await;
    assert!(matches!(nobody, Err(Error::Unreachable(_))));
}
