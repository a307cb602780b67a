use super::*;

#[test]
fn agreements_are_rows_and_json() {
    let (_, file) = FORM.split_once("JSON:").unwrap();
    let (file, _) = file.split_once("\nKinds:").unwrap();
    let agreement = Agreement {
        name: "tenants/acme/agreements/2".to_owned(),
        ..draft::parse(file).unwrap()
    };
    let cells = agreement.cells();
    assert_eq!(
        cells,
        [
            "2",
            "2026-01-01T00:00:00Z",
            "",
            "2",
            "99.9%",
            "1m",
            "",
            "tenants/acme/agreements/2"
        ]
    );
    assert_eq!(cells.len(), Agreement::HEAD.len());
    assert_eq!(
        agreement.json(),
        json!({
            "name": "tenants/acme/agreements/2",
            "valid_from": "2026-01-01T00:00:00Z",
            "valid_to": null,
            "calendars": [
                { "name": "always", "always": true, "office_hours": null },
                {
                    "name": "office",
                    "always": false,
                    "office_hours": {
                        "time_zone": "Europe/Berlin",
                        "spans": [
                            { "day": "MONDAY", "from": "09:00", "to": "17:00" },
                            { "day": "TUESDAY", "from": "09:00", "to": "12:00" },
                            { "day": "TUESDAY", "from": "13:00", "to": "17:00" },
                        ],
                        "holidays": ["2026-12-25"],
                    },
                },
            ],
            "objectives": [
                {
                    "kind": "ACKNOWLEDGE",
                    "severity": "SEV1",
                    "within": "900s",
                    "calendar": "always",
                },
                {
                    "kind": "RESOLVE",
                    "severity": "SEV2",
                    "within": "259200s",
                    "calendar": "office",
                },
            ],
            "reclassify_grace": "1800s",
            "freshness_p99": "60s",
            "availability_basis_points": 9_990,
            "credits": [
                {
                    "objective": "RESOLVE",
                    "availability": false,
                    "below_basis_points": 9_500,
                    "credit_basis_points": 500,
                },
                {
                    "objective": null,
                    "availability": true,
                    "below_basis_points": 9_990,
                    "credit_basis_points": 1_000,
                },
            ],
            "duties": [{
                "task": "isolate machine",
                "asks": "Cut the machine off the network",
                "responsible": "PROVIDER",
                "accountable": "CUSTOMER",
                "consulted": ["CUSTOMER"],
                "informed": [],
                "phases": ["CONTAINMENT"],
            }],
            "contacts": [{
                "id": "soc",
                "party": "PROVIDER",
                "name": "Security desk",
                "role": null,
                "mail": null,
                "phone": "+49 30 000000",
                "hours": "always",
            }],
            "escalations": [{
                "party": "PROVIDER",
                "severities": ["SEV1"],
                "after": "1800s",
                "hours": "always",
                "contact": "soc",
            }],
            "create_time": null,
        })
    );
    // One that promises nothing.
    let cells = Agreement::default().cells();
    assert_eq!(cells[3..6], ["0", "", ""]);
    let json = Agreement::default().json();
    assert_eq!(json["availability_basis_points"], Value::Null);
}

#[test]
fn a_file_is_read_up_to_a_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    assert_eq!(read(&path).unwrap_err().code(), 1);
    std::fs::write(&path, "x").unwrap();
    assert_eq!(read(&path).unwrap(), "x");
    std::fs::write(&path, b"\xff").unwrap();
    assert_eq!(read(&path).unwrap_err().code(), 2);
    std::fs::write(&path, "x".repeat((1 << 20) + 1)).unwrap();
    assert_eq!(read(&path).unwrap_err().code(), 2);
}
