//! The tour that quickstart prints: commands to paste, each of which shows one thing.

use std::path::Path;

/// The tour for a data folder.
#[must_use]
pub(super) fn text(data_dir: &Path) -> String {
    let profiles = data_dir.join("profiles");
    let profile = |name: &str| profiles.join(name).display().to_string();
    let (acme, responder, globex, operator) = (
        profile("acme-reader.toml"),
        profile("acme-responder.toml"),
        profile("globex-reader.toml"),
        profile("operator.toml"),
    );
    format!(
        r#"
Cordon is ready. Two customers of one cloud, acme and globex, share a bad day. In another terminal:

  cargo build --release --bin cordon && export PATH="$PWD/target/release:$PATH"

  # What a stolen key of acme did, as acme's security team sees it:
  cordon --profile {acme} events search --since 24h --filter "src_ip = '198.51.100.77'" --limit 12

  # One call crossed from acme into globex. Each sees its own side of it, and a pseudonym for the other:
  cordon --profile {acme} events search --since 24h --filter "operation = 'AssumeRole' AND src_ip = '198.51.100.77'" -o json --view raw
  cordon --profile {globex} events search --since 24h --filter "operation = 'AssumeRole' AND src_ip = '198.51.100.77'" -o json --view raw

  # Traffic between the two, and from where it came:
  cordon --profile {globex} events search --since 24h --filter "dst_port = 22 AND cidr_contains('10.20.0.0/16', dst_ip)" --limit 5

  # What happened most:
  cordon --profile {acme} events count --since 24h --by operation --filter "status = 'Failure'"

  # What was on the machine that the key was used on: a snapshot of its disk, downloaded and checked
  # without the server:
  cordon --profile {responder} snapshots create i-0f3c2a91d4e5b6a70 --reason "who was on it"
  cordon --profile {responder} snapshots list

  # What the provider states about its cloud, where to look after a trail was stopped, and what is
  # still to be done before the next incident:
  cordon --profile {acme} facts list
  cordon --profile {acme} sources recommend --event aws.cloudtrail:StopLogging
  cordon --profile {acme} readiness

  # Who has looked at acme's data, the provider's staff included:
  cordon --profile {acme} audit list

  # The provider's side: tenants, and records that could not be read:
  cordon --profile {operator} admin tenants list
"#
    )
}

/// Prints the tour.
#[allow(clippy::print_stdout, reason = "the tour is what the command is for")]
pub(super) fn print(data_dir: &Path) {
    println!("{}", text(data_dir));
}
