//! From a socket to a room and back: TLS, authentication, limits, and streams that end when
//! their caller's standing does.

mod auth;
mod caller;
mod conn;
mod guard;
mod serve;
mod shares;
mod tls;

pub use auth::AuthLayer;
pub use caller::Caller;
pub use conn::{Conn, Peer};
pub use guard::{Feed, Feeder};
pub use serve::{Bound, Limits, bind, serve};
pub(crate) use shares::{Share, Shares};
pub use tls::TlsReload;
