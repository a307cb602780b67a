//! Which events tell of somebody or something.

use crate::indicator;
use crate::question::Subject;
use crate::sql;

/// Where records name the role that a session is one of.
pub(crate) const ISSUER_PATH: &str = "userIdentity.sessionContext.sessionIssuer.arn";
/// Where records name the program that called.
pub(crate) const AGENT_PATHS: [&str; 2] = [
    "userAgent",
    "protoPayload.requestMetadata.callerSuppliedUserAgent",
];

/// The condition that events of it fulfil.
pub(crate) fn filter(subject: &Subject) -> Option<String> {
    match subject {
        Subject::Actor(actor) => {
            let sessions = is_role(actor).then(|| sql::at_path_one(ISSUER_PATH, [actor]));
            sql::any([Some(sql::is("actor", actor)), sessions.flatten()])
        }
        Subject::AccessKey(key) => sql::any([
            Some(sql::is("credential_uid", key)),
            Some(sql::has_resource(key)),
        ]),
        Subject::Address(address) => addresses(address),
        Subject::Resource(resource) => {
            // An instance's role has sessions that are called like the instance.
            let sessions = resource.starts_with("i-").then(|| {
                let pattern = format!("%/{}", sql::exactly(resource));
                format!("like_any(actor, {})", sql::quoted(&pattern))
            });
            sql::any([Some(sql::has_resource(resource)), sessions])
        }
        Subject::Operation(operation) => Some(sql::is("operation", operation)),
        Subject::Region(region) => Some(sql::is("region", region)),
        Subject::UserAgent(agent) => {
            sql::any(AGENT_PATHS.map(|path| sql::at_path_one(path, [agent])))
        }
        Subject::Account(account) => Some(sql::is("account", account)),
    }
}

/// Either side is the address, or lies in the range.
fn addresses(text: &str) -> Option<String> {
    let range = indicator::range(text)?;
    if range.prefix_len() == range.max_prefix_len() {
        let address = range.addr().to_string();
        return sql::any([
            Some(sql::is("src_ip", &address)),
            Some(sql::is("dst_ip", &address)),
        ]);
    }
    let range = sql::quoted(&range.to_string());
    sql::any(["src_ip", "dst_ip"].map(|side| Some(format!("cidr_contains({range}, {side})"))))
}

/// Whether this is the ARN of a role.
pub(crate) fn is_role(text: &str) -> bool {
    text.starts_with("arn:") && text.contains(":role/")
}

/// What it is called, and by what name.
pub(crate) fn words(subject: &Subject) -> (&'static str, &str) {
    match subject {
        Subject::Actor(value) => ("actor", value),
        Subject::AccessKey(value) => ("access_key", value),
        Subject::Address(value) => ("address", value),
        Subject::Resource(value) => ("resource", value),
        Subject::Operation(value) => ("operation", value),
        Subject::Region(value) => ("region", value),
        Subject::UserAgent(value) => ("user_agent", value),
        Subject::Account(value) => ("account", value),
    }
}
