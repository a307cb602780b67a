//! The server's answers with the names of ATT&CK's own table, which the wire leaves out.

use cordon_attack::{
    Access, Attack, Cell, Covered, DataComponent, Evidence, Gap, Matrix, Platform, RankedSource,
    Recommendation, Row, Silent, SourceType, Technique,
};
use cordon_client::{self as client, Coverage, SourceRecommendation};

use crate::failure::Failure;

/// The table that the answers are read by.
pub(super) fn table() -> Result<&'static Attack, Failure> {
    Attack::embedded()
        .map_err(|error| Failure::local(format!("the table of ATT&CK can't be read: {error}")))
}

/// The answer to a question about sources on these platforms.
pub(super) fn recommendation(
    attack: &'static Attack,
    answer: &SourceRecommendation,
    platforms: &[Platform],
) -> Result<Recommendation<'static>, Failure> {
    same_version(attack, &answer.attack_version)?;
    let techniques = answer.techniques.iter();
    let sources = answer.sources.iter().map(|source| {
        let covers = source.covers.iter().map(|one| {
            Ok(Covered {
                technique: technique(attack, &one.technique)?,
                component: component(attack, &one.component)?,
                evidence: evidence(one.evidence())?,
                alone: one.alone,
            })
        });
        Ok(RankedSource {
            source: source_type(&source.source_type)?,
            access: access(source.access())?,
            score: u32::try_from(source.score).map_err(|_| unknown("score"))?,
            covers: covers.collect::<Result<_, Failure>>()?,
        })
    });
    let gaps = answer.gaps.iter().map(|gap| {
        let technique = technique(attack, &gap.technique)?;
        let component = component(attack, &gap.component)?;
        let asked = technique
            .references
            .iter()
            .filter(|one| one.component == component.id && platforms.contains(&one.platform));
        let mut log_sources: Vec<_> = asked.map(|one| one.log_source).collect();
        log_sources.sort_unstable();
        log_sources.dedup();
        let recorded_by = gap.recorded_by.iter().map(|name| source_type(name));
        Ok(Gap {
            technique,
            component,
            log_sources,
            recorded_by: recorded_by.collect::<Result<_, Failure>>()?,
        })
    });
    let silent = answer.silent.iter().map(|silent| {
        Ok(Silent {
            technique: technique(attack, &silent.technique)?,
            elsewhere: silent.elsewhere,
        })
    });
    Ok(Recommendation {
        techniques: techniques
            .map(|id| technique(attack, id))
            .collect::<Result<_, _>>()?,
        sources: sources.collect::<Result<_, Failure>>()?,
        gaps: gaps.collect::<Result<_, Failure>>()?,
        silent: silent.collect::<Result<_, Failure>>()?,
        covered: number(answer.covered)?,
        wanted: number(answer.wanted)?,
    })
}

/// Techniques against sources.
pub(super) fn matrix(
    attack: &'static Attack,
    answer: &Coverage,
) -> Result<Matrix<'static>, Failure> {
    same_version(attack, &answer.attack_version)?;
    let sources = answer.sources.iter().map(|source| {
        let by = access(source.access())?;
        Ok((source_type(&source.source_type)?, by))
    });
    let sources: Vec<(SourceType, Access)> = sources.collect::<Result<_, Failure>>()?;
    let rows = answer.rows.iter().map(|row| {
        let of = number(row.wanted)?;
        if row.covered.len() != sources.len() {
            return Err(unknown("number of sources"));
        }
        let cells = sources.iter().zip(&row.covered).map(|((_, by), covered)| {
            Ok(Cell {
                access: *by,
                covered: number(*covered)?,
                of,
            })
        });
        Ok(Row {
            technique: technique(attack, &row.technique)?,
            cells: cells.collect::<Result<_, Failure>>()?,
            together: Cell {
                access: access(row.access())?,
                covered: number(row.together)?,
                of,
            },
        })
    });
    let rows: Vec<Row<'static>> = rows.collect::<Result<_, Failure>>()?;
    let tactics = attack.tactics().iter().filter_map(|tactic| {
        let of = rows
            .iter()
            .filter(|row| row.technique.tactics.contains(&tactic.short_name));
        let of: Vec<_> = of.cloned().collect();
        (!of.is_empty()).then_some((tactic, of))
    });
    Ok(Matrix {
        version: attack.version(),
        tactics: tactics.collect(),
        techniques: rows.len(),
        sources,
        whole: number(answer.whole)?,
        partly: number(answer.partly)?,
        gaps: number(answer.gaps)?,
        silent: number(answer.silent)?,
    })
}

fn same_version(attack: &Attack, version: &str) -> Result<(), Failure> {
    if version == attack.version() {
        return Ok(());
    }
    Err(Failure::local(format!(
        "the server answers by ATT&CK {version}, and this program knows {}: use the `cordon` of the server's version",
        attack.version()
    )))
}

fn unknown(what: &str) -> Failure {
    Failure::local(format!(
        "the server's answer has a {what} that this program does not know: use the `cordon` of the server's version"
    ))
}

fn technique(attack: &'static Attack, id: &str) -> Result<&'static Technique, Failure> {
    attack.technique(id).ok_or_else(|| unknown("technique"))
}

fn component(attack: &'static Attack, id: &str) -> Result<&'static DataComponent, Failure> {
    attack.component(id).ok_or_else(|| unknown("component"))
}

fn source_type(name: &str) -> Result<SourceType, Failure> {
    name.parse().map_err(|_| unknown("kind of source"))
}

fn number(number: i32) -> Result<usize, Failure> {
    usize::try_from(number).map_err(|_| unknown("number"))
}

fn access(access: client::Access) -> Result<Access, Failure> {
    match access {
        client::Access::Direct => Ok(Access::Direct),
        client::Access::Analysis => Ok(Access::Analysis),
        client::Access::Forensic => Ok(Access::Forensic),
        client::Access::None => Ok(Access::None),
        client::Access::Unspecified => Err(unknown("kind of access")),
    }
}

fn evidence(evidence: client::Evidence) -> Result<Evidence, Failure> {
    match evidence {
        client::Evidence::Review => Ok(Evidence::Review),
        client::Evidence::Component => Ok(Evidence::Component),
        client::Evidence::Analytic => Ok(Evidence::Analytic),
        client::Evidence::Unspecified => Err(unknown("kind of evidence")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cordon_client::{CoverageRow, CoverageSource, Gap as WireGap};

    #[test]
    fn an_answer_gets_the_names_of_the_table() {
        let attack = table().unwrap();
        let answer = SourceRecommendation {
            attack_version: attack.version().to_owned(),
            techniques: vec!["T1562.008".to_owned()],
            gaps: vec![WireGap {
                technique: "T1562.008".to_owned(),
                component: "DC0090".to_owned(),
                recorded_by: vec!["gcp.audit".to_owned()],
            }],
            wanted: 2,
            ..SourceRecommendation::default()
        };
        let read = recommendation(attack, &answer, &Platform::CLOUD).unwrap();
        assert_eq!(read.techniques[0].name, "Disable or Modify Cloud Logs");
        assert_eq!(read.gaps[0].component.name, "Cloud Service Disable");
        assert_eq!(read.gaps[0].recorded_by, [SourceType::GcpAudit]);
        assert!(!read.gaps[0].log_sources.is_empty());
        let newer = SourceRecommendation {
            attack_version: "99".to_owned(),
            ..answer.clone()
        };
        let refused = recommendation(attack, &newer, &[]).unwrap_err().to_string();
        assert!(refused.contains("ATT&CK 99"), "{refused}");
        let strange = SourceRecommendation {
            techniques: vec!["T9999".to_owned()],
            ..answer
        };
        assert!(recommendation(attack, &strange, &[]).is_err());
    }

    #[test]
    fn a_matrix_is_put_under_its_tactics() {
        let attack = table().unwrap();
        let row = CoverageRow {
            technique: "T1562.008".to_owned(),
            wanted: 2,
            covered: vec![1],
            together: 1,
            access: client::Access::Direct.into(),
        };
        let source = CoverageSource {
            source_type: "aws.cloudtrail".to_owned(),
            access: client::Access::Direct.into(),
        };
        let mut answer = Coverage {
            attack_version: attack.version().to_owned(),
            sources: vec![source],
            rows: vec![row],
            partly: 1,
            ..Coverage::default()
        };
        let read = matrix(attack, &answer).unwrap();
        assert_eq!(read.tactics[0].0.short_name, "defense-evasion");
        assert_eq!(read.tactics[0].1[0].cells[0].of, 2);
        assert_eq!((read.techniques, read.partly), (1, 1));
        answer.rows[0].covered.clear();
        assert!(matrix(attack, &answer).is_err());
    }
}
