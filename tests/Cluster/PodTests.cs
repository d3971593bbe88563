using System.Text.Json.Nodes;
using NativeKubelet.Tests.ApiDouble;
using NativeKubelet.Tests.Node.Agent;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.Cluster;

/// <summary>Pods that the cluster binds to a node: from their binding to the end of their object.</summary>
public sealed class PodTests
{
    [Fact]
    public async Task A_pod_that_is_bound_to_the_node_runs_and_goes_when_it_is_deleted()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();

        JsonObject made = host.Run("web", "trap exit TERM; sleep 1000 & wait");
        JsonObject running = await host.RunningAsync("web");

        Assert.Equal(Text(Meta(made)["uid"]), Text(Meta(running)["uid"]));
        Assert.StartsWith("nativekubelet://", Text(running["status"]!["containerStatuses"]![0]!["containerID"]), StringComparison.Ordinal);
        Assert.NotEmpty(Text(running["status"]!["startTime"]));

        host.Api.Delete("pods", "web");
        await host.GoneAsync("pods", "web");
        Assert.Empty(await host.Agent.PodsAsync(pods => pods.Count == 0));
    }

    [Fact]
    public async Task A_pod_that_completes_says_so_and_is_not_run_again_by_a_new_agent()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("job", "exit 3", "Never");

        JsonObject done = await host.PodAsync("job", p => Text(p["status"]?["phase"]) == "Failed");
        Assert.Equal("3", Text(done["status"]!["containerStatuses"]![0]!["state"]!["terminated"]!["exitCode"]));

        await host.Agent.KillAsync();
        await host.StartAgentAsync();
        host.Run("marker", "trap exit TERM; sleep 1000 & wait");
        await host.RunningAsync("marker");
        JsonObject after = host.Api.Find("pods", "job")!;
        Assert.Equal(Text(done["status"]!["containerStatuses"]![0]!["state"]!["terminated"]!["containerID"]), Text(after["status"]!["containerStatuses"]![0]!["state"]!["terminated"]!["containerID"]));
    }

    [Fact]
    public async Task A_resource_that_others_gave_the_Node_is_the_schedulers_account_and_stays_on_the_Node()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        (int code, _, string error) = host.Kubectl("patch", "node", host.Node, "--subresource", "status", "--type", "merge", "-p", """{"status":{"capacity":{"example.com/dongle":"2"},"allocatable":{"example.com/dongle":"2"}}}""");
        Assert.True(code == 0, error);

        host.Run("web", "trap exit TERM; sleep 1000 & wait", spec: spec => spec["containers"]![0]!["resources"] = new JsonObject
        {
            ["requests"] = new JsonObject { ["example.com/dongle"] = "1" },
            ["limits"] = new JsonObject { ["example.com/dongle"] = "1" },
        });

        await host.RunningAsync("web");
        Assert.Equal("2", Text(host.Api.Find("nodes", host.Node)!["status"]!["capacity"]!["example.com/dongle"]));
    }

    [Fact]
    public async Task A_pod_reads_the_token_of_its_service_account_the_authority_and_its_namespace()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("caller", "cd /var/run/secrets/kubernetes.io/serviceaccount && grep -q CERTIFICATE ca.crt && cat token > /dev/termination-log && exec test $(cat namespace) = default", "Never");

        JsonObject done = await host.PodAsync("caller", p => Text(p["status"]?["phase"]) is "Succeeded" or "Failed");

        JsonNode end = done["status"]!["containerStatuses"]![0]!["state"]!["terminated"]!;
        Assert.Equal("0", Text(end["exitCode"]));
        Assert.Equal("system:serviceaccount:default:default", host.Api.Tokens.Authenticate(Text(end["message"]))?.Name);
    }

    [Fact]
    public async Task A_pod_with_a_readiness_gate_is_ready_when_somebody_opens_it_and_keeps_what_others_say_of_it()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("web", "trap exit TERM; sleep 1000 & wait", spec: s => s["readinessGates"] = new JsonArray(new JsonObject { ["conditionType"] = "example.com/in-service" }));

        JsonObject closed = await host.PodAsync("web", p => ClusterHost.Condition(p, "ContainersReady") == "True");
        Assert.Equal("False", ClusterHost.Condition(closed, "Ready"));
        Assert.Contains("corresponding condition of pod readiness gate \\\"example.com/in-service\\\" does not exist.", closed["status"]!["conditions"]!.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }), StringComparison.Ordinal);

        host.SetCondition("web", "DisruptionTarget", "True");
        host.SetCondition("web", "example.com/in-service", "True");
        JsonObject open = await host.RunningAsync("web");
        Assert.Equal(("True", "True"), (ClusterHost.Condition(open, "DisruptionTarget"), ClusterHost.Condition(open, "example.com/in-service")));

        host.SetCondition("web", "example.com/in-service", "False");
        await host.PodAsync("web", p => ClusterHost.Condition(p, "Ready") == "False");
    }

    [Theory]
    [InlineData("")]
    [InlineData("spec.clusterIP")]      // before 1.22
    public async Task A_container_is_told_of_the_services_that_there_are_when_it_starts(string unknownToTheServer)
    {
        await using ClusterHost host = await ClusterHost.StartAsync(new() { UnknownFields = [unknownToTheServer] });
        await host.ReadyAsync();
        foreach ((string name, string ip) in ((string, string)[])[("kubernetes", "10.96.0.1"), ("shop-db", "10.96.7.7"), ("headless", "None")])
            host.Api.Create("services", new JsonObject
            {
                ["metadata"] = new JsonObject { ["name"] = name },
                ["spec"] = new JsonObject { ["clusterIP"] = ip, ["ports"] = new JsonArray(new JsonObject { ["port"] = 5432, ["protocol"] = "TCP" }) },
            });
        // The services are watched; a container may start before they are heard of, and is told of nothing then.
        JsonObject end;
        int run = 0;
        do
        {
            string name = $"env-{run++}";
            host.Run(name, "echo $SHOP_DB_PORT_5432_TCP $KUBERNETES_SERVICE_HOST $HEADLESS_SERVICE_HOST > /dev/termination-log", "Never");
            JsonObject done = await host.PodAsync(name, p => Text(p["status"]?["phase"]) is "Succeeded" or "Failed");
            end = (JsonObject)done["status"]!["containerStatuses"]![0]!["state"]!["terminated"]!;
        }
        while (Text(end["message"]).Trim().Length == 0 && run < 10);

        Assert.Equal("tcp://10.96.7.7:5432 10.96.0.1", Text(end["message"]).Trim());
    }

    [Fact]
    public async Task A_pod_is_judged_by_the_labels_that_others_gave_the_node()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Api.Store.Update(ResourceKind.Find("", "v1", "nodes")!, "", host.Node, there =>
        {
            JsonObject changed = (JsonObject)there!.DeepClone();
            changed["metadata"]!["labels"]!["rack"] = "7";
            return changed;
        });
        host.Run("anywhere", "exit 0", "Never");
        await host.PodAsync("anywhere", p => Text(p["status"]?["phase"]) == "Succeeded");

        host.Run("here", "exit 0", "Never", s => s["nodeSelector"] = new JsonObject { ["rack"] = "7" });
        host.Run("elsewhere", "exit 0", "Never", s => s["nodeSelector"] = new JsonObject { ["rack"] = "8" });

        await host.PodAsync("here", p => Text(p["status"]?["phase"]) == "Succeeded");
        JsonObject refused = await host.PodAsync("elsewhere", p => Text(p["status"]?["phase"]) == "Failed");
        Assert.Equal("NodeAffinity", Text(refused["status"]!["reason"]));
    }

    [Fact]
    public async Task A_pod_that_does_not_tolerate_a_taint_against_execution_is_refused_and_one_that_runs_is_not_judged_again()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("before", "trap exit TERM; sleep 1000 & wait");
        JsonObject before = await host.RunningAsync("before");

        Taint(host, "maintenance", "NoSchedule");
        host.Run("unplaced", "exit 0", "Never");
        await host.PodAsync("unplaced", p => Text(p["status"]?["phase"]) == "Succeeded");
        Taint(host, "maintenance", "NoExecute");
        // The node hears of its taints by a watch of its own.
        JsonObject refused;
        int run = 0;
        do
        {
            string name = $"late-{run++}";
            host.Run(name, "exit 0", "Never");
            refused = await host.PodAsync(name, p => Text(p["status"]?["phase"]) is "Succeeded" or "Failed");
        }
        while (Text(refused["status"]!["phase"]) == "Succeeded" && run < 10);
        host.Run("tolerant", "exit 0", "Never", s => s["tolerations"] = new JsonArray(new JsonObject { ["key"] = "maintenance", ["operator"] = "Exists", ["effect"] = "NoExecute", ["tolerationSeconds"] = 60 }));
        await host.PodAsync("tolerant", p => Text(p["status"]?["phase"]) == "Succeeded");
        Assert.Equal(("TaintToleration", "Pod was rejected: Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate"), (Text(refused["status"]!["reason"]), Text(refused["status"]!["message"])));

        await host.Agent.KillAsync();
        await host.StartAgentAsync();
        host.Agent.Write("fixed.yaml", AgentHost.Pod("fixed", "trap exit TERM; sleep 1000 & wait"));
        await host.RunningAsync($"fixed-{host.Node}");
        Assert.Equal(Text(before["status"]!["containerStatuses"]![0]!["containerID"]), Text(host.Api.Find("pods", "before")!["status"]!["containerStatuses"]![0]!["containerID"]));
    }

    [Fact]
    public async Task A_pod_finds_the_volume_that_its_claim_is_bound_to_and_waits_until_it_is()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        string place = host.Agent["volume"];
        host.Api.Create("persistentvolumes", new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "disk" },
            ["spec"] = new JsonObject
            {
                ["capacity"] = new JsonObject { ["storage"] = "1Gi" },
                ["accessModes"] = new JsonArray("ReadWriteOnce"),
                ["hostPath"] = new JsonObject { ["path"] = place, ["type"] = "DirectoryOrCreate" },
                ["claimRef"] = new JsonObject { ["namespace"] = "default", ["name"] = "data" },
            },
        });
        host.Api.Create("persistentvolumeclaims", new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "data" },
            ["spec"] = new JsonObject { ["accessModes"] = new JsonArray("ReadWriteOnce"), ["resources"] = new JsonObject { ["requests"] = new JsonObject { ["storage"] = "1Gi" } } },
        });
        host.Run("writer", "echo written > /data/file", "Never", spec =>
        {
            spec["volumes"] = new JsonArray(new JsonObject { ["name"] = "data", ["persistentVolumeClaim"] = new JsonObject { ["claimName"] = "data" } });
            spec["containers"]![0]!["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "data", ["mountPath"] = "/data" });
        });
        await host.Agent.SaidAsync("is not bound to a volume yet");

        host.Api.Store.Update(ResourceKind.Find("", "v1", "persistentvolumeclaims")!, "default", "data", there =>
        {
            JsonObject bound = (JsonObject)there!.DeepClone();
            bound["spec"]!["volumeName"] = "disk";
            return bound;
        });

        await host.PodAsync("writer", p => Text(p["status"]?["phase"]) == "Succeeded");
        Assert.Equal("written\n", File.ReadAllText(Path.Combine(place, "file")));
    }

    [Fact]
    public async Task A_static_pod_has_a_mirror_that_comes_again_when_somebody_deletes_it()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        host.Agent.Write("fixed.yaml", AgentHost.Pod("fixed", "trap exit TERM; sleep 1000 & wait"));
        string name = $"fixed-{host.Node}";

        JsonObject mirror = await host.RunningAsync(name);
        Assert.Equal("Node", Text(Meta(mirror)["ownerReferences"]![0]!["kind"]));
        string container = Text(mirror["status"]!["containerStatuses"]![0]!["containerID"]), uid = Text(Meta(mirror)["uid"]);

        host.Api.Delete("pods", name);
        JsonObject again = await host.PodAsync(name, p => Text(Meta(p)["uid"]) != uid && Text(p["status"]?["phase"]) == "Running");
        Assert.Equal(container, Text(again["status"]!["containerStatuses"]![0]!["containerID"]));

        host.Agent.Remove("fixed.yaml");
        await host.GoneAsync("pods", name);
    }

    [Fact]
    public async Task Pods_run_on_while_the_server_is_away_and_their_ends_are_told_when_it_is_back()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("steady", "trap exit TERM; sleep 1000 & wait");
        JsonObject before = await host.RunningAsync("steady");
        host.Run("short", "sleep 1", "Never");
        await host.RunningAsync("short");

        await host.Api.StopAsync();
        await host.Agent.PodsAsync(pods => pods.Any(p => p.Name == "short" && p.Status is "Completed" or "Succeeded"));
        await host.Api.StartAsync();

        JsonObject done = await host.PodAsync("short", p => Text(p["status"]?["phase"]) == "Succeeded");
        JsonObject after = host.Api.Find("pods", "steady")!;
        Assert.Equal(Text(before["status"]!["containerStatuses"]![0]!["containerID"]), Text(after["status"]!["containerStatuses"]![0]!["containerID"]));
        Assert.Equal("0", Text(done["status"]!["containerStatuses"]![0]!["state"]!["terminated"]!["exitCode"]));
    }

    [Fact]
    public async Task What_happens_to_a_pod_is_told_as_events()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("web", "trap exit TERM; sleep 1000 & wait");
        await host.RunningAsync("web");

        JsonObject started = await host.Api.WaitAsync(
            s => s.List(ResourceKind.Find("", "v1", "events")!, "default").Items.FirstOrDefault(e => Text(e["reason"]) == "Started" && Text(e["involvedObject"]!["name"]) == "web"), AgentHost.Deadline());
        Assert.Equal("kubelet", Text(started["source"]!["component"]));
        Assert.Equal("spec.containers{main}", Text(started["involvedObject"]!["fieldPath"]));
    }

    private static void Taint(ClusterHost host, string key, string effect) => host.Api.Store.Update(ResourceKind.Find("", "v1", "nodes")!, "", host.Node, there =>
    {
        JsonObject changed = (JsonObject)there!.DeepClone();
        changed["spec"]!["taints"] = new JsonArray(new JsonObject { ["key"] = key, ["effect"] = effect });
        return changed;
    });
}
