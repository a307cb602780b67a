use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_lines_that_scripts_rely_on_are_understood() {
    for line in [
        "cordon --profile D/profiles/operator.toml admin tenants create acme --display-name Acme",
        "cordon --profile D/profiles/operator.toml admin accounts add acme aws:123456789012",
        "cordon --profile p.toml admin credentials issue acme --role reader --out acme-reader.toml",
        "cordon --profile p.toml ingest --source-type aws.cloudtrail a.json b.json.gz -o json",
        "cordon --profile p.toml events search --since 2023-01-01T00:00:00Z --until 2023-12-31T00:00:00Z --limit 100000 -o ndjson",
        "cordon --profile p.toml events search --since 24h --view raw -o ndjson",
        "cordon events search --since 7d --filter x --order oldest -o table",
        "cordon events tail --cursor 17 --filter x",
        "cordon events get 00 --view columns",
        "cordon events export --format parquet --out f.parquet --since 2d",
        "cordon events explain 00",
        "cordon events count --by operation,status",
        "cordon events search --tenant acme --justification because --reference INC-1",
        "cordon events --tenant acme --justification because search",
        "cordon ingest --source-type aws.vpcflow --source s --batch-size 10 --flow-format a -",
        "cordon ingest --source-type k8s.audit --context k8s:prod-1 audit.log",
        "cordon ingest --source-type linux.auth --context {\"account\":\"aws:1\"} auth.log -",
        "cordon incidents open --title t --severity sev1",
        "cordon incidents open --title t --severity sev4 --description @f --tlp amber-strict",
        "cordon incidents open --title t --severity sev2 --description - --tenant acme --justification because",
        "cordon incidents list",
        "cordon incidents list --state open --state closed --severity sev1 --severity sev2 --phase follow-up --phase recovery --pending customer --limit 3 -o ndjson",
        "cordon incidents show 12 -o json",
        "cordon incidents show #12",
        "cordon incidents show 01934f5e-7c1a-7abc-8def-0123456789ab",
        "cordon incidents show tenants/acme/incidents/01934f5e-7c1a-7abc-8def-0123456789ab --justification because --reference INC-1",
        "cordon incidents --tenant acme --justification because show 01934f5e-7c1a-7abc-8def-0123456789ab",
        "cordon incidents update 1 --title t --description d --tlp red",
        "cordon incidents update 1 --tlp clear",
        "cordon incidents acknowledge tenants/acme/incidents/01934f5e-7c1a-7abc-8def-0123456789ab",
        "cordon incidents move 1 containment",
        "cordon incidents move 1 identification --reason new",
        "cordon incidents reclassify 1 sev1 --reason worse",
        "cordon incidents hand-over 1 customer --reason logs",
        "cordon incidents criteria 1 first second",
        "cordon incidents sign-off 1",
        "cordon incidents sign-off 1 0 2",
        "cordon incidents close 1 resolved",
        "cordon incidents close 1 false-positive --reason none",
        "cordon incidents reopen 1 --reason again",
        "cordon incidents comment 1 words",
        "cordon incidents comment 1 -",
        "cordon incidents edit-comment tenants/acme/incidents/01934f5e-7c1a-7abc-8def-0123456789ab/comments/01934f5e-7c1a-7abc-8def-0123456789ab words",
        "cordon incidents timeline 1 --limit 5",
        "cordon incidents watch --cursor 0 --limit 1",
        "cordon incidents queue --closed",
        "cordon incidents report 1 --audience clients",
        "cordon incidents report 1 --format json --audience recipients --recipient ann --recipient bob --out r.json",
        "cordon incidents report #1 --format html --audience organization --out - --tenant acme --justification because",
        "cordon detect rules list -o ndjson",
        "cordon detect rules show tenants/acme/rules/0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f6 --justification because",
        "cordon detect rules show 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f6 --text",
        "cordon detect rules show trail",
        "cordon detect rules add a.yml rules --disabled",
        "cordon detect rules add - --dry-run -o json",
        "cordon detect rules update trail --text a.yml --enable --except x --except y --mute-until 8h --etag e",
        "cordon detect rules update trail --disable --no-exceptions --unmute",
        "cordon detect rules delete trail --yes",
        "cordon detect rules versions trail --text 2",
        "cordon detect test a.yml --since 7d --until now --max 10000 --view raw -o ndjson",
        "cordon detect test trail --tenant acme --justification because",
        "cordon detect --tenant acme --justification because findings list",
        "cordon detect findings list --status new --status in-progress --min-level high --limit 3",
        "cordon detect findings show tenants/acme/findings/0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f6",
        "cordon detect findings ocsf 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f6",
        "cordon detect findings set 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f6 --status suppressed --comment - --etag e",
        "cordon detect findings watch --cursor 0 --limit 1",
        "cordon analyses ask timeline --around 2h --purpose p",
        "cordon analyses ask timeline --event 000102030405060708090a0b0c0d0e0f --before 10m --after 1d --same actor,address --same resources --purpose p",
        "cordon analyses ask pivot --actor a --purpose p --since 7d --until now --account 1 --account 2 --resource-scope r --source-type aws.cloudtrail",
        "cordon analyses ask pivot --resource r --purpose p --resource-scope r --no-wait -o json",
        "cordon analyses ask role-chain --role r --hops 8 --direction backward --purpose p",
        "cordon analyses ask role-chain --access-key k --purpose p",
        "cordon analyses ask indicators --file - --purpose p",
        "cordon analyses ask indicators --stix bundle.json --purpose p --incident #12",
        "cordon analyses ask seen --actor a --actor b --address 192.0.2.0/24 --operation o --region r --user-agent u --resource r --access-key k --seen-account 1 --account 1 --purpose p",
        "cordon analyses ask volume --purpose p",
        "cordon analyses ask volume --minimum-bytes 1048576 --purpose p",
        "cordon analyses ask changes --from 2d --to 1d --actor a --purpose p",
        "cordon analyses ask beacons --minimum-connections 4 --minimum-score 0.5 --purpose p",
        "cordon analyses ask compare --baseline-from 14d --baseline-to 7d --from 7d --to now --purpose p",
        "cordon analyses ask rules a.yml rules --purpose p",
        "cordon analyses ask sql - --purpose p --wait",
        "cordon analyses ask human - --consent events,provider-records --consent incidents --purpose p --wait",
        "cordon analyses list --limit 3 -o ndjson",
        "cordon analyses --tenant acme --justification because show 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7",
        "cordon analyses show tenants/acme/analyses/0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7",
        "cordon analyses watch 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7",
        "cordon analyses cancel 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7 --etag e",
        "cordon analyses reply 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7 words",
        "cordon analyses rerun 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7 --no-wait",
        "cordon analyses result 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7",
        "cordon analyses result 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7 --format parquet --table t -f f.parquet --force",
        "cordon analyses result 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7 --format statement --out -",
        "cordon desk queue --limit 3",
        "cordon desk claim tenants/acme/analyses/0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7 --justification because --reference INC-1",
        "cordon desk show 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7 --tenant acme --justification because",
        "cordon desk ask-back 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7 -",
        "cordon desk decline 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7 words",
        "cordon desk submit 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7 --findings f --table a=b=c.csv --table d=e=f.csv --not-examined x --method m",
        "cordon desk return 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7 words",
        "cordon desk release 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7 --etag e",
        "cordon verify statement.json --answer answer.json --keys keys.json",
        "cordon sla agreements create acme a.toml",
        "cordon sla agreements create acme -",
        "cordon sla agreements list",
        "cordon sla agreements list acme -o json",
        "cordon sla clocks 12",
        "cordon sla clocks 01934f5e-7c1a-7abc-8def-0123456789ab -o ndjson --tenant acme --justification because",
        "cordon sla watch",
        "cordon sla watch --cursor 7 --limit 3 -o ndjson --tenant acme --justification because",
        "cordon sla report --period 2026-10",
        "cordon sla report --tenant acme --period 2026-10 --format json --out report.json",
        "cordon sla report --period 2026-10 --format csv --clocks --keys keys.json",
        "cordon sla report --period 2026-10 --format parquet --out clocks.parquet",
        "cordon sla report --all --period 2026-10 --format html --out all.html",
        "cordon sla recompute report.json",
        "cordon sla recompute report.json --log log.ndjson --agreements a.json --keys keys.json",
        "cordon sla history --out log.ndjson",
        "cordon admin tenants list",
        "cordon admin tenants show acme",
        "cordon admin tenants suspend acme --reason unpaid",
        "cordon admin tenants resume acme",
        "cordon admin tenants delete acme --yes",
        "cordon admin tenants delete acme --waiting-days 7 --reason ended",
        "cordon admin tenants undelete acme",
        "cordon admin tenants certificate acme --out gone.json",
        "cordon admin holds place acme --reason lawsuit --reference 4-O-17",
        "cordon admin holds list acme",
        "cordon admin holds release tenants/acme/legalHolds/1 --reason settled",
        "cordon admin keys rotate acme --reason yearly",
        "cordon admin keys list acme",
        "cordon admin accounts add acme aws:1 --from 2023-01-01 --to 2024-01-01",
        "cordon admin accounts list acme",
        "cordon admin accounts remove acme aws:1",
        "cordon admin resources import acme f.csv",
        "cordon admin resources list acme",
        "cordon admin resources remove acme 1",
        "cordon admin ranges add 10.0.0.0/8",
        "cordon admin ranges list",
        "cordon admin ranges remove 1",
        "cordon admin sources create s --source-type ocsf --display-name x",
        "cordon admin sources list",
        "cordon admin sources delete s",
        "cordon admin credentials issue --source s --out f",
        "cordon admin credentials issue --staff --role analyst --out f --subject jane",
        "cordon admin credentials list acme",
        "cordon admin credentials list --staff",
        "cordon admin credentials revoke tenants/acme/credentials/1 --reason lost",
        "cordon audit list --tenant acme --since 7d",
        "cordon audit list",
        "cordon dead-letters list s",
        "cordon dead-letters replay s",
        "cordon verify gone.json --keys keys.json",
        "cordon verify - -o json",
        "cordon signing-keys --out keys.json",
        "cordon whoami -o json",
        "cordon renew",
        "cordon completions bash",
    ] {
        if let Err(error) = parse(line) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn what_is_not_understood_is_refused_as_usage() {
    for line in [
        "cordon",
        "cordon events search --since yesterday",
        "cordon events search --order random",
        "cordon events export --out f",
        "cordon ingest --source-type aws.cloudtrail",
        "cordon ingest --source-type azure f",
        "cordon ingest --source-type ocsf --batch-size 0 f",
        "cordon incidents",
        "cordon incidents open --title t",
        "cordon incidents open --title t --severity sev5",
        "cordon incidents list --pending both",
        "cordon incidents show",
        "cordon incidents show x",
        "cordon incidents show tenants/acme/incidents/12",
        "cordon incidents update 1",
        "cordon incidents move 1 onwards",
        "cordon incidents reclassify 1 sev1",
        "cordon incidents hand-over 1 customer",
        "cordon incidents criteria 1",
        "cordon incidents sign-off 1 first",
        "cordon incidents sign-off 1 -1",
        "cordon incidents close 1",
        "cordon incidents reopen 1",
        "cordon incidents comment 1",
        "cordon incidents edit-comment 1 words",
        "cordon incidents watch --cursor now",
        "cordon incidents report --audience clients",
        "cordon incidents report 1 --audience everybody",
        "cordon incidents report 1 --format pdf --audience clients",
        "cordon incidents report 1 --audience clients --leave-out",
        "cordon detect rules add",
        "cordon detect rules add a.yml --dry-run --disabled",
        "cordon detect rules show tenants/acme/rules/1",
        "cordon detect rules update trail",
        "cordon detect rules update trail --etag e",
        "cordon detect rules update trail --enable --disable",
        "cordon detect rules update trail --mute-until 2023-01-01",
        "cordon detect rules update trail --mute-until 8h --unmute",
        "cordon detect rules versions trail --text last",
        "cordon detect test",
        "cordon detect test a.yml --max 0",
        "cordon detect test a.yml --max 10001",
        "cordon detect test a.yml --since yesterday",
        "cordon detect findings list --status closed",
        "cordon detect findings list --min-level sev1",
        "cordon detect findings show trail",
        "cordon detect findings set 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f6",
        "cordon detect findings watch --cursor now",
        "cordon analyses",
        "cordon analyses ask",
        "cordon analyses ask volume",
        "cordon analyses ask timeline --purpose p",
        "cordon analyses ask timeline --around 2h --event 00 --purpose p",
        "cordon analyses ask timeline --around 2h --same actor --purpose p",
        "cordon analyses ask timeline --around 2h --before long --purpose p",
        "cordon analyses ask pivot --purpose p",
        "cordon analyses ask pivot --actor a --address 192.0.2.1 --purpose p",
        "cordon analyses ask pivot --operation o --purpose p",
        "cordon analyses ask role-chain --hops 4 --purpose p",
        "cordon analyses ask role-chain --role r --hops 9 --purpose p",
        "cordon analyses ask role-chain --role r --direction both --purpose p",
        "cordon analyses ask indicators --purpose p",
        "cordon analyses ask indicators --file a --stix b --purpose p",
        "cordon analyses ask seen --purpose p",
        "cordon analyses ask seen --account 1 --purpose p",
        "cordon analyses ask volume --minimum-bytes -1 --purpose p",
        "cordon analyses ask beacons --minimum-connections 3 --purpose p",
        "cordon analyses ask compare --from 7d --to now --purpose p",
        "cordon analyses ask rules --purpose p",
        "cordon analyses ask sql --purpose p",
        "cordon analyses ask sql x --purpose p --wait --no-wait",
        "cordon analyses ask sql x --purpose p --consent events",
        "cordon analyses ask human x --purpose p --consent everything",
        "cordon analyses show 12",
        "cordon analyses reply 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7",
        "cordon analyses result 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7 --format pdf",
        "cordon desk",
        "cordon desk claim trail",
        "cordon desk submit 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7 --findings f",
        "cordon desk submit 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7 --findings f --method m --table f.csv",
        "cordon desk return 0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7",
        "cordon sla",
        "cordon sla agreements create acme",
        "cordon sla agreements list acme globex",
        "cordon sla clocks",
        "cordon sla clocks x",
        "cordon sla report",
        "cordon sla report --period 2026-13",
        "cordon sla report --period october",
        "cordon sla report --period 2026-10 --format pdf",
        "cordon sla report --period 2026-10 --all --tenant acme",
        "cordon sla recompute",
        "cordon sla watch --cursor now",
        "cordon admin credentials issue --role reader --out f",
        "cordon admin credentials issue acme --staff --role reader --out f",
        "cordon admin credentials issue acme --role reader",
        "cordon admin tenants delete acme --waiting-days 6",
        "cordon admin tenants delete acme --waiting-days 31",
        "cordon admin holds place acme",
        "cordon admin holds release tenants/acme/legalHolds/1",
        "cordon admin keys rotate",
        "cordon verify",
        "cordon whoami -o xml",
        "cordon completions cmd",
    ] {
        let error = parse(line).unwrap_err();
        assert_ne!(error.kind(), ErrorKind::DisplayHelp, "{line}");
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn exit_codes_are_told_in_the_help_and_kept() {
    use cordon_client::{Error, Profile};
    use failure::Failure;

    let help = Cli::command().render_help().to_string();
    for code in 0..=7 {
        assert!(help.contains(&format!("\n  {code}  ")), "{code}");
    }
    assert_eq!(Failure::usage("x").code(), 2);
    assert_eq!(Failure::local("x").code(), 1);
    assert_eq!(Failure::Rejected.code(), 5);
    assert_eq!(Failure::Disagrees.code(), 7);
    assert_eq!(
        Failure::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe)).code(),
        0
    );
    for (reason, code) in [
        (tonic::Status::unauthenticated(""), 3),
        (tonic::Status::permission_denied(""), 3),
        (tonic::Status::not_found(""), 4),
        (tonic::Status::unavailable(""), 6),
        (tonic::Status::deadline_exceeded(""), 6),
        (tonic::Status::invalid_argument(""), 2),
        (tonic::Status::internal(""), 1),
        (tonic::Status::already_exists(""), 1),
    ] {
        assert_eq!(Failure::from(Error::from(reason)).code(), code);
    }
    assert_eq!(Failure::from(Profile::parse("").unwrap_err()).code(), 2);
}

#[test]
fn completions_are_made_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        parse(&format!("cordon completions {shell}")).unwrap();
        let shell: clap_complete::Shell = shell.parse().unwrap();
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "cordon", &mut script);
        assert!(String::from_utf8(script).unwrap().contains("dead-letters"));
    }
}
