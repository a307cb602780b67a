//! Entra ID's sign-ins as Authentication, its audit events as Account Change and API
//! Activity.

use serde_json::Value;

use super::super::call::{Account, Call, Person, Place, Thing};
use super::super::taken::Taken;
use crate::azure::signin::{ACTOR, SETTING, directory_of, error_code, field, is_sign_in, source};
use crate::cloudtrail::ACCOUNT_CHANGE;
use crate::row::EventRowRef;

/// OCSF's kind of account for a directory.
const DIRECTORY: (i32, &str) = (6, "Azure AD Account");

/// Writes the event; `None` if the view is no JSON object.
pub(in super::super) fn write(row: &EventRowRef<'_>, out: &mut String) -> Option<()> {
    let mut event: Value = serde_json::from_str(row.raw).ok()?;
    SETTING.unfold(&mut event);
    let sign_in = is_sign_in(&event);
    let own = |text: Option<&str>| text.map(str::to_owned);
    let account = own(directory_of(&event));
    let home = own(field(&event, "hometenantid"));
    let code = error_code(&event);
    let address = own(source(&event).map(|text| crate::azure::address(text).0));
    let mfa = mfa(&event);
    let auth_protocol = field(&event, "authenticationprotocol").and_then(protocol);
    let mut left = Taken::of(event)?;
    let mut take = |names: &[&str]| {
        names.iter().find_map(|name| {
            left.text(&format!("properties.{name}"))
                .or_else(|| left.text(name))
        })
    };
    let name = take(&ACTOR);
    let actor = Person {
        full_name: take(&["userdisplayname", "initiatedby.user.displayname"]),
        uid: take(&[
            "userid",
            "serviceprincipalid",
            "initiatedby.user.id",
            "initiatedby.app.serviceprincipalid",
        ]),
        word: take(&["usertype"]),
        name,
        account: Account {
            uid: home,
            kind: Some(DIRECTORY),
        },
        ..Person::default()
    };
    let status_code = take(&["status.errorcode", "resulttype"]);
    let detail = take(&["status.failurereason", "resultreason", "resultdescription"]);
    let place = Place {
        city: take(&["location.city", "locationdetails.city"]),
        region: take(&["location.state", "locationdetails.state"]),
        country: take(&[
            "location.countryorregion",
            "locationdetails.countryorregion",
        ]),
    };
    let mut call = Call {
        product: "Entra ID",
        uid: take(&["id"]),
        correlation: take(&["correlationid"]),
        agent: take(&["useragent"]),
        session: take(&["sessionid"]),
        app_name: take(&["appdisplayname", "initiatedby.app.displayname"]),
        app_uid: take(&["appid", "initiatedby.app.appid"]),
        auth_protocol,
        service: take(&["resourcedisplayname", "loggedbyservice"]),
        is_mfa: mfa,
        status_code,
        status_detail: detail,
        account: Account {
            uid: account,
            kind: Some(DIRECTORY),
        },
        source: address,
        place,
        actor,
        ..Call::default()
    };
    call.feature = left.text("category");
    call.level = left.text("level");
    call.original_time = left.first(&[
        "time",
        "timegenerated",
        "createddatetime",
        "activitydatetime",
    ]);
    call.api_version = left.text("operationversion");
    call.operation = if sign_in {
        left.text("operationname")
    } else {
        left.first(&[
            "properties.activitydisplayname",
            "activitydisplayname",
            "operationname",
        ])
    };
    if sign_in && call.operation.is_none() {
        call.operation = Some(row.operation.to_owned());
    }
    if !sign_in {
        call.resources = targets(&mut left);
    } else if code.is_some_and(|code| code != 0) {
        call.response_error.clone_from(&call.status_code);
    }
    if row.class_uid == ACCOUNT_CHANGE {
        call.user = Some(changed(&call.resources));
    }
    call.write(row, &left, out);
    Some(())
}

/// Whether a second factor was used, as far as the event says.
fn mfa(event: &Value) -> Option<bool> {
    if field(event, "status.additionaldetails").is_some_and(|text| text.starts_with("MFA ")) {
        return Some(true);
    }
    let single = field(event, "authenticationrequirement") == Some("singleFactorAuthentication");
    single.then_some(false)
}

/// OCSF's number and word for a protocol; a word that it has none for is the source's.
fn protocol(word: &str) -> Option<(i32, String)> {
    Some(match word {
        "none" => return None,
        "oAuth2" => (6, "OAUTH 2.0".to_owned()),
        "saml20" => (5, "SAML".to_owned()),
        other => (99, other.to_owned()),
    })
}

/// What was changed.
fn targets(left: &mut Taken) -> Vec<Thing> {
    let mut items = left.items("properties.targetresources");
    if items.is_empty() {
        items = left.items("targetresources");
    }
    items
        .into_iter()
        .map(|mut item| {
            let uid = item.text("id");
            let name = item.first(&["userprincipalname", "displayname"]);
            let kind = item.text("type");
            let data = Value::Object(item.rest().clone());
            Thing {
                uid,
                name,
                kind,
                data: Some(data).filter(|data| data.as_object().is_some_and(|map| !map.is_empty())),
                ..Thing::default()
            }
        })
        .collect()
}

/// Who was changed: the first target that is a user or an app, or the first at all.
fn changed(targets: &[Thing]) -> Person {
    let someone = |thing: &&Thing| {
        matches!(
            thing.kind.as_deref(),
            Some("User" | "ServicePrincipal" | "Application")
        )
    };
    let target = targets.iter().find(someone).or_else(|| targets.first());
    target.map_or_else(Person::default, |target| Person {
        name: target.name.clone(),
        uid: target.uid.clone(),
        word: target.kind.clone(),
        ..Person::default()
    })
}
