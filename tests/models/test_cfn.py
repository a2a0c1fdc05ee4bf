"""The one reader of CloudFormation templates."""

from workflow_context.models.cfn import Stacks


def one(properties, **template):
    resource = {"Type": "AWS::EC2::Volume", "Properties": properties}
    [found] = Stacks({"Own": {"Resources": {"Volume": resource}, **template}}).of_type("AWS::EC2::Volume")
    return found


def test_a_parameter_becomes_its_default():
    found = one({"Size": {"Ref": "Gib"}}, Parameters={"Gib": {"Type": "Number", "Default": "100"}})
    assert found.number("Size") == 100


def test_the_default_of_an_ssm_parameter_is_a_path_and_not_its_value():
    parameters = {"Image": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/aws/image"}}
    assert one({"ImageId": {"Ref": "Image"}}, Parameters=parameters).get("ImageId") == "${Image}"


def test_a_value_that_the_template_does_not_tell_is_no_number_and_no_list():
    found = one({"Size": {"Fn::ImportValue": "other"}, "Tags": {"Fn::ImportValue": "other"}})
    assert found.number("Size") is None
    assert found.items("Tags") is None
    assert found.items("Other") == []


def test_an_import_leads_to_the_resource_of_the_stack_that_exports_it():
    outputs = {"Id": {"Value": {"Ref": "Vpc"}, "Export": {"Name": "Core:Id"}}}
    core = {"Resources": {"Vpc": {"Type": "AWS::EC2::VPC"}}, "Outputs": outputs}
    own = {"Resources": {"S": {"Type": "T", "Properties": {"VpcId": {"Fn::ImportValue": "Core:Id"}}}}}
    stacks = Stacks({"Core": core, "Own": own})
    [subnet] = stacks.of_type("T")
    assert stacks.referred(subnet.get("VpcId")) == ["Core/Vpc"]


def test_a_reference_leads_to_the_resource_of_another_stack():
    core = {"Resources": {"Vpc": {"Type": "AWS::EC2::VPC"}}, "Outputs": {"Id": {"Value": {"Ref": "Vpc"}}}}
    value = {"Fn::GetStackOutput": {"StackName": "Core", "OutputName": "Id"}}
    stacks = Stacks({"Core": core, "Own": {"Resources": {"S": {"Type": "T", "Properties": {"VpcId": value}}}}})
    [subnet] = stacks.of_type("T")
    assert stacks.referred(subnet.get("VpcId")) == ["Core/Vpc"]
