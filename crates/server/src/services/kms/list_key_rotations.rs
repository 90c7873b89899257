//! `ListKeyRotations`: when a key got new material.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::key_metadata::seconds;
use super::page::{self, More};
use super::{errors, named_key};
use crate::keys::{Key, Material, MaterialOrigin};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListKeyRotations;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    include_key_material: Option<String>,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    marker: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    rotations: Vec<Listed>,
    #[serde(flatten)]
    more: More,
}

impl Operation for ListKeyRotations {
    const NAME: &'static str = "ListKeyRotations";
    const IAM_ACTION: &'static str = "kms:ListKeyRotations";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let included = input.include_key_material.as_deref();
        let constraints = named_key::constraints(&input.key_id);
        errors::check(constraints.one_of("includeKeyMaterial", included, &INCLUDED))?;
        let key = named_key::found_by_id(context, &input.key_id)?;
        let page = page::parse(input.limit, input.marker.as_deref())?;
        let is_listed = |(_, material): &(usize, &Material)| {
            included == Some(INCLUDED[0]) || material.origin != MaterialOrigin::Created
        };
        let materials = key.materials.iter().enumerate().filter(is_listed);
        // They are in the order of time, and so are their numbers.
        let cut = page.of(materials, |(number, _)| format!("{number:010}"));
        let (rotations, more) = page::cut(cut, |(_, material)| Listed::of(&key, material));
        Ok(Output { rotations, more })
    }
}

/// What can be included: what a key was made with, too, or not.
const INCLUDED: [&str; 2] = ["ALL_KEY_MATERIAL", "ROTATIONS_ONLY"];

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    key_id: String,
    key_material_id: String,
    key_material_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_date: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_type: Option<&'static str>,
}

impl Listed {
    fn of(key: &Key, material: &Material) -> Self {
        let rotation_type = match material.origin {
            MaterialOrigin::Created => None,
            MaterialOrigin::Automatic => Some("AUTOMATIC"),
            MaterialOrigin::OnDemand => Some("ON_DEMAND"),
        };
        let is_current = material.id == key.material().id;
        Self {
            key_id: key.id.clone(),
            key_material_id: material.id.clone(),
            key_material_state: if is_current { "CURRENT" } else { "NON_CURRENT" },
            rotation_date: rotation_type.map(|_| seconds(material.made_at_ms)),
            rotation_type,
        }
    }
}
