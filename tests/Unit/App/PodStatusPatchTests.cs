using System.Text.Json.Nodes;
using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Status;

namespace NativeKubelet.Tests.Unit.App;

/// <summary>What a pod's patch must say beside its status, because servers merge it into the one that they have.</summary>
public sealed class PodStatusPatchTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public void A_first_address_comes_without_a_directive()
    {
        // Kubernetes 1.20 takes a directive in a list that it does not have yet for an address, and refuses the whole patch.
        JsonNode status = Patch(Status(ips: ["10.0.0.2"]), new V1PodStatus());

        Assert.Equal("""[{"ip":"10.0.0.2"}]""", status["podIPs"]!.ToJsonString());
    }

    [Fact]
    public void A_former_address_is_taken_back_by_name()
    {
        JsonNode status = Patch(Status(ips: ["10.0.0.2"]), new V1PodStatus { PodIPs = [new() { Ip = "10.0.0.9" }, new() { Ip = "10.0.0.2" }] });

        Assert.Equal("""[{"ip":"10.0.0.2"},{"$patch":"delete","ip":"10.0.0.9"}]""", status["podIPs"]!.ToJsonString());
    }

    [Fact]
    public void A_condition_without_a_reason_takes_the_former_one_back()
    {
        JsonObject ready = Condition(Patch(Status(new PodCondition("Ready", true, "", "", Now)), new V1PodStatus()));

        Assert.True(ready.ContainsKey("reason") && ready.ContainsKey("message"));
        Assert.Null(ready["reason"]);
        Assert.Null(ready["message"]);
    }

    [Fact]
    public void A_resize_that_is_over_is_taken_back_and_what_others_said_stays()
    {
        V1PodStatus server = new() { Conditions = [new() { Type = "PodResizePending", Status = "True" }, new() { Type = "DisruptionTarget", Status = "True" }] };

        JsonNode status = Patch(Status(new PodCondition("PodResizeInProgress", true, "", "", Now) { Generation = 7 }), server);

        Assert.Equal("""[{"$patch":"delete","type":"PodResizePending"}]""", new JsonArray([.. status["conditions"]!.AsArray().Skip(1).Select(c => c!.DeepClone())]).ToJsonString());
        Assert.Equal(7, status["conditions"]![0]!["observedGeneration"]!.GetValue<long>());
    }

    [Fact]
    public void Amounts_that_a_pod_has_not_any_more_are_taken_back_by_name()
    {
        V1PodStatus server = new()
        {
            AllocatedResources = Amounts("cpu", "ephemeral-storage"),
            Resources = new() { Requests = Amounts("cpu", "ephemeral-storage"), Limits = Amounts("memory") },
        };

        JsonNode status = Patch(Status() with { Containers = [new("web", "", "", "", 0, false, false, new Waiting("", ""), null)] }, server, new() { Requests = Amounts("cpu") });

        Assert.Equal("{\"cpu\":\"1\",\"ephemeral-storage\":null}", status["allocatedResources"]!.ToJsonString());
        Assert.Equal("{\"requests\":{\"cpu\":\"1\",\"ephemeral-storage\":null},\"limits\":null}", status["resources"]!.ToJsonString());

        static Dictionary<string, ResourceQuantity> Amounts(params string[] names) => names.ToDictionary(n => n, _ => new ResourceQuantity("1"));
    }

    [Fact]
    public void A_pod_that_was_refused_has_nothing()
    {
        JsonObject status = Patch(Status(), new V1PodStatus()).AsObject();

        Assert.True(status.ContainsKey("resources") && status["resources"] is null && status.ContainsKey("allocatedResources") && status["allocatedResources"] is null);
    }

    [Theory]
    [InlineData("True", "2025-01-01T00:00:00")]
    [InlineData("False", "2026-01-02T03:04:05")]
    public void A_condition_that_the_server_knows_has_not_changed_since(string known, string since)
    {
        V1PodStatus server = new() { Conditions = [new() { Type = "Ready", Status = known, LastTransitionTime = new DateTime(2025, 1, 1, 0, 0, 0, DateTimeKind.Utc) }] };

        Assert.StartsWith(since, Condition(Patch(Status(new PodCondition("Ready", true, "", "", Now)), server))["lastTransitionTime"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    private static JsonObject Condition(JsonNode status) => status["conditions"]!.AsArray().Single()!.AsObject();

    private static PodStatus Status(PodCondition? condition = null, string[]? ips = null) =>
        new(PodPhase.Running, "", "", condition is null ? [] : [condition], [], Now, [], [.. ips ?? []], "BestEffort", 1);

    private static JsonNode Patch(PodStatus status, V1PodStatus known, V1ResourceRequirements? resources = null)
    {
        V1Pod pod = new() { Metadata = new() { Name = "web", NamespaceProperty = "default", Uid = "u" }, Spec = new() { Containers = [new() { Name = "web", Resources = resources }] }, Status = known };
        return JsonNode.Parse(PodStatusPublisher.Patch(new PodView(pod, status), pod))!["status"]!;
    }
}
