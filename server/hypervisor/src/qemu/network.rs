//! What is known of the guest's network from outside: its interfaces by QEMU, and the addresses
//! behind them by the host's neighbour table.

use std::path::Path;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use crate::Error;
use crate::hypervisor::{Interface, Neighbour, NetworkState};
use crate::qmp::Qmp;

/// Most interfaces and neighbours that are told.
const MAX: usize = 1_024;
/// Most of the host's table that is read, in bytes.
const MAX_TABLE: u64 = 4 << 20;

/// Asks QEMU, and looks at the host's table.
pub(crate) async fn state(qmp: &mut Qmp, table: &Path) -> Result<NetworkState, Error> {
    let mut state = NetworkState {
        missing: vec!["the connection table", "packets"],
        ..NetworkState::default()
    };
    match qmp.execute("query-rx-filter", json!({})).await {
        Ok(filters) => {
            let filters = filters
                .as_array()
                .ok_or(Error::Protocol("a list of interfaces"))?;
            state.interfaces = filters.iter().filter_map(interface).take(MAX).collect();
        }
        Err(Error::Refused { .. }) => state.missing.push("interfaces"),
        Err(error) => return Err(error),
    }
    match read(table).await {
        Ok(text) => {
            let ours = |neighbour: &Neighbour| {
                let mut macs = state.interfaces.iter().map(|interface| &interface.mac);
                macs.any(|mac| mac.eq_ignore_ascii_case(&neighbour.mac))
            };
            let all = text.lines().filter_map(neighbour).filter(ours);
            state.neighbours = all.take(MAX).collect();
        }
        Err(_) => state.missing.push("neighbours"),
    }
    Ok(state)
}

fn interface(filter: &Value) -> Option<Interface> {
    let text = |name| filter.get(name).and_then(Value::as_str);
    let mac = text("main-mac").filter(|mac| mac.len() == 17)?;
    let name = text("name").filter(|name| name.len() <= 128)?;
    Some(Interface {
        name: name.to_owned(),
        mac: mac.to_owned(),
        promiscuous: filter
            .get("promiscuous")
            .and_then(Value::as_bool)
            .unwrap_or(false),
    })
}

async fn read(table: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = tokio::fs::File::open(table).await?;
    file.take(MAX_TABLE).read_to_string(&mut text).await?;
    Ok(text)
}

/// A line of `/proc/net/arp`: address, type, flags, MAC, mask, device.
fn neighbour(line: &str) -> Option<Neighbour> {
    let mut fields = line.split_whitespace();
    let address = fields.next()?;
    let mac = fields.nth(2)?;
    let device = fields.nth(1)?;
    Some(Neighbour {
        address: address.to_owned(),
        mac: mac.to_owned(),
        device: device.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_neighbour_table_is_read() {
        let line = "192.0.2.7        0x1         0x2         52:54:00:12:34:56     *        tap0";
        let neighbour = neighbour(line).unwrap();
        assert_eq!(neighbour.address, "192.0.2.7");
        assert_eq!(neighbour.mac, "52:54:00:12:34:56");
        assert_eq!(neighbour.device, "tap0");
        assert!(super::neighbour("IP address").is_none());
    }
}
