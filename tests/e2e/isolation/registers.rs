//! What is asked of identities and of the provider's registers.

use serde_json::json;

use super::B;

/// What tenant `initech` asks, method by method.
pub(super) fn questions() -> Vec<(&'static str, Vec<String>)> {
    let tenant = || json!({ "name": "tenants/initech" }).to_string();
    let parent = || json!({ "parent": "tenants/initech" }).to_string();
    let nothing = || "{}".to_owned();
    vec![
        ("IssueToken", vec![]),
        ("RenewCredential", vec![]),
        ("GetSigningKeys", vec![nothing()]),
        ("WhoAmI", vec![nothing()]),
        ("CreateTenant", vec![json!({ "tenantId": "hooli" }).to_string(), json!({ "tenantId": "unheard" }).to_string()]),
        ("GetTenant", vec![tenant(), json!({ "name": "tenants/hooli" }).to_string()]),
        ("ListTenants", vec![nothing()]),
        ("UpdateTenant", vec![json!({ "tenant": { "name": "tenants/hooli", "billingOrganisation": "x" }, "updateMask": "billingOrganisation" }).to_string()]),
        ("SuspendTenant", vec![json!({ "name": "tenants/hooli" }).to_string()]),
        ("ResumeTenant", vec![json!({ "name": "tenants/hooli" }).to_string()]),
        ("DeleteTenant", vec![json!({ "name": "tenants/hooli" }).to_string()]),
        ("UndeleteTenant", vec![json!({ "name": "tenants/hooli" }).to_string()]),
        ("GetDeletionCertificate", vec![tenant(), json!({ "name": "tenants/hooli" }).to_string()]),
        ("CreateLegalHold", vec![json!({ "parent": "tenants/hooli", "legalHold": { "reason": "x" } }).to_string()]),
        ("ListLegalHolds", vec![parent(), json!({ "parent": "tenants/hooli" }).to_string()]),
        ("ReleaseLegalHold", vec![json!({ "name": "tenants/hooli/legalHolds/01920000-0000-7000-8000-000000000001" }).to_string()]),
        ("RotateTenantKey", vec![tenant(), json!({ "name": "tenants/hooli" }).to_string()]),
        ("ListKeyRotations", vec![parent(), json!({ "parent": "tenants/hooli" }).to_string()]),
        ("CreateAccount", vec![json!({ "parent": "tenants/initech", "accountId": B }).to_string()]),
        ("ListAccounts", vec![parent(), json!({ "parent": "tenants/hooli" }).to_string()]),
        ("DeleteAccount", vec![json!({ "name": format!("tenants/hooli/accounts/{B}") }).to_string()]),
        ("ImportResources", vec![parent()]),
        ("ListResources", vec![parent()]),
        ("DeleteResource", vec![json!({ "name": "tenants/hooli/resources/01920000-0000-7000-8000-000000000001" }).to_string()]),
        ("CreateAddressRange", vec![json!({ "addressRange": { "cidr": "10.0.0.0/8" } }).to_string()]),
        ("ListAddressRanges", vec![nothing()]),
        ("DeleteAddressRange", vec![json!({ "name": "addressRanges/01920000-0000-7000-8000-000000000001" }).to_string()]),
        ("CreateSource", vec![json!({ "sourceId": "mine" }).to_string()]),
        ("ListSources", vec![nothing()]),
        ("DeleteSource", vec![json!({ "name": "sources/aws-cloudtrail" }).to_string()]),
        ("IssueCredential", vec![json!({ "parent": "tenants/hooli" }).to_string()]),
        ("ListCredentials", vec![parent(), json!({ "parent": "tenants/hooli" }).to_string()]),
        ("RevokeCredential", vec![json!({ "name": "tenants/hooli/credentials/01920000000070008000000000000001" }).to_string()]),
    ]
}
