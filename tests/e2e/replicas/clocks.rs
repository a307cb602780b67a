//! What is said about clocks: by one of the servers, once, whichever of them is there.

use std::time::{Duration, Instant};

use super::{Installed, TENANTS};
use crate::harness::{at, connect};
use crate::sla::{agreement, opening, recorded};

/// Incidents that are opened, one after another at each server.
const INCIDENTS: usize = 9;
/// For a machine that has other things to do.
const DEADLINE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn each_warning_and_breach_is_said_once_though_a_server_is_killed() {
    let Some(mut installed) = Installed::with("[jobs]\nlease_seconds = 2\n").await else {
        return;
    };
    let (tenant, _) = TENANTS[0];
    let operator = installed.replicas.client(0, &installed.operator).await;
    let sla = operator.sla();
    let made = sla.create_agreement(tenant, agreement(), None).await;
    made.unwrap();
    let member = installed.responder().await;

    let mut names = Vec::new();
    for n in 0..INCIDENTS {
        let client = connect(at(&member, installed.replicas.address(n % 3))).await;
        names.push(client.incidents().create(opening()).await.unwrap().name);
    }
    installed.replicas.kill(1).await;
    let client = connect(at(&member, installed.replicas.address(2))).await;
    let begun = Instant::now();
    for name in &names {
        while recorded(&client, name).await.last() != Some(&100) {
            assert!(
                begun.elapsed() < DEADLINE,
                "{:?}",
                recorded(&client, name).await
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    // Longer than a lease: whoever held one is heard by then.
    installed.replicas.restart(1).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    for name in &names {
        let said = recorded(&client, name).await;
        assert!(said.windows(2).all(|two| two[0] < two[1]), "{said:?}");
        assert_eq!(said.last(), Some(&100));
    }
}
