using System.Text;
using System.Text.Json.Nodes;
using NativeKubelet.Tests.Node.Agent;
using NativeKubelet.Tests.Node.Images;
using NativeKubelet.Tests.Node.Images.Registry;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.Cluster;

/// <summary>Pods that pull from a real docker-registry which knows one user, by the Secrets that they name.</summary>
public sealed class PullSecretTests
{
    [Fact]
    public async Task A_pod_pulls_with_the_secret_that_it_names_and_with_that_of_its_account_and_not_without()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await using RegistryProcess registry = await RegistryProcess.StartAsync(host.Agent["registry"], AgentHost.Deadline(), RegistryOptions.Basic(Directory.CreateDirectory(host.Agent["registry"]).FullName));
        string[] images = ["own", "accounts", "unnamed"];
        foreach (string image in images)
            await Tool.RunAsync("/usr/bin/skopeo", "copy", "--quiet", "--dest-tls-verify=false", $"--dest-creds={RegistryOptions.User}:{RegistryOptions.Password}", $"oci-archive:{ProgramFile.DemoImage}", $"docker://{registry.Host}/team/{image}:1");
        await host.ReadyAsync();
        host.Api.Create("secrets", Secret("login", registry.Host, RegistryOptions.Password));
        host.Api.Create("secrets", Secret("stale", registry.Host, "wrong"));
        host.Api.Create("serviceaccounts", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "puller" }, ["imagePullSecrets"] = Names("login") });

        host.Run("own", "exit 0", "Never", s => Pull(s, registry.Host, "own", "absent", "stale", "login"));
        host.Run("accounts", "exit 0", "Never", s =>
        {
            Pull(s, registry.Host, "accounts");
            s["serviceAccountName"] = "puller";
        });
        host.Run("unnamed", "exit 0", "Never", s => Pull(s, registry.Host, "unnamed"));

        foreach (string pulls in (string[])["own", "accounts"]) await host.PodAsync(pulls, p => Text(p["status"]?["phase"]) == "Succeeded");
        await host.EventAsync("FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets (absent); attempting to pull the image may not succeed.");
        JsonObject refused = await host.PodAsync("unnamed", p => Text(p["status"]?["containerStatuses"]?[0]?["state"]?["waiting"]?["reason"]) is "ErrImagePull" or "ImagePullBackOff");
        Assert.Contains("401", Text(refused["status"]!["containerStatuses"]![0]!["state"]!["waiting"]!["message"]), StringComparison.Ordinal);
    }

    private static JsonObject Secret(string name, string registry, string password)
    {
        string auth = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{RegistryOptions.User}:{password}"));
        return new()
        {
            ["metadata"] = new JsonObject { ["name"] = name },
            ["type"] = "kubernetes.io/dockerconfigjson",
            ["stringData"] = new JsonObject { [".dockerconfigjson"] = new JsonObject { ["auths"] = new JsonObject { [registry] = new JsonObject { ["auth"] = auth } } }.ToJsonString() },
        };
    }

    private static JsonArray Names(params string[] secrets) => new([.. secrets.Select(s => (JsonNode)new JsonObject { ["name"] = s })]);

    private static void Pull(JsonObject spec, string registry, string image, params string[] secrets)
    {
        (spec["containers"]![0]!["image"], spec["containers"]![0]!["imagePullPolicy"]) = ($"{registry}/team/{image}:1", "Always");
        if (secrets.Length > 0) spec["imagePullSecrets"] = Names(secrets);
    }
}
