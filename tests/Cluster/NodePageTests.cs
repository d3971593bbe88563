using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using NativeKubelet.Tests.ApiDouble;
using NativeKubelet.Tests.Node.Agent;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.Cluster;

/// <summary>What the node's port tells of the node itself to who looks for a fault.</summary>
public sealed class NodePageTests
{
    [Fact]
    public async Task Flags_status_and_verbosity_are_for_who_may_and_in_the_form_that_he_asks_for()
    {
        ApiUser reader = new("reader", ["system:authenticated"]);
        await using ClusterHost host = await ClusterHost.StartAsync(new() { Allows = static (user, _, subresource) => user.IsAdmin || (user.Name == "reader" && subresource is "configz" or "statusz") });
        using X509Certificate2 identity = host.Api.Authority.IssueClient("admin", TimeSpan.FromHours(1), ApiUser.Admins);
        using HttpClient admin = host.Client(identity), client = host.Client(token: host.Api.Tokens.Issue(reader));

        string flags = await client.GetStringAsync("/flagz", AgentHost.Deadline()), status = await client.GetStringAsync("/statusz", AgentHost.Deadline());
        Assert.StartsWith("\nkubelet flagz\nWarning: ", flags, StringComparison.Ordinal);
        Assert.Contains($"\nhostname-override={host.Node}\n", flags, StringComparison.Ordinal);
        Assert.Contains($"\nport={host.Port}\n", flags, StringComparison.Ordinal);
        Assert.Matches("\nkubelet statusz\nWarning: [^\n]*\n\nStarted: [^\n]+ UTC 20\\d\\d\nUp: 0 hr 0\\d min \\d\\d sec\nGo version: .NET [^\n]+\nBinary version: 1\\.36\\.[^\n]*\nEmulation version: 1\\.36\nPaths: /attach ", status);

        JsonNode flagz = await AskAsync(client, "/flagz", "application/json;as=Flagz;v=v1beta1;g=config.k8s.io");
        Assert.Equal(("Flagz", "config.k8s.io/v1beta1", host.Node), (Text(flagz["kind"]), Text(flagz["apiVersion"]), Text(flagz["flags"]!["hostname-override"])));
        JsonNode statusz = await AskAsync(client, "/statusz", "application/json;as=Statusz;v=v1beta1;g=config.k8s.io");
        Assert.True(statusz["uptimeSeconds"]!.GetValue<long>() >= 0);
        using HttpRequestMessage plain = new(HttpMethod.Get, "/flagz");
        plain.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        using HttpResponseMessage refused = await client.SendAsync(plain, AgentHost.Deadline());
        Assert.Equal(HttpStatusCode.NotAcceptable, refused.StatusCode);

        using HttpResponseMessage forbidden = await client.PutAsync("/debug/flags/v", new StringContent("4"), AgentHost.Deadline());
        Assert.Equal(HttpStatusCode.Forbidden, forbidden.StatusCode);
        Assert.Equal((HttpStatusCode.OK, "successfully set klog.logging.verbosity to 4"), await PutAsync(admin, "4"));
        Assert.Equal(HttpStatusCode.BadRequest, (await PutAsync(admin, "loud")).Status);
    }

    [Fact]
    public async Task Kubectl_reads_a_services_log_off_the_node_and_a_file_beside_it_where_the_configuration_allows()
    {
        string directory = Directory.CreateTempSubdirectory("nk-log-query-").FullName, service = $"nk-{Guid.NewGuid():N}", file = $"/var/log/{service}.log";
        File.WriteAllText(Path.Combine(directory, "logs.conf"), "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nenableSystemLogQuery: true\n");
        File.WriteAllText(file, "what the service said\n");
        try
        {
            await using ClusterHost host = await ClusterHost.StartAsync(null, $"--config-dir={directory}");
            using X509Certificate2 identity = host.Api.Authority.IssueClient("admin", TimeSpan.FromHours(1), ApiUser.Admins);
            using HttpClient admin = host.Client(identity);

            Assert.Equal("what the service said\n", await admin.GetStringAsync($"/logs/?query={service}", AgentHost.Deadline()));
            Assert.Equal("what the service said\n", await admin.GetStringAsync($"/logs/?query=/{service}.log", AgentHost.Deadline()));
            Assert.Equal("what the service said\n", await admin.GetStringAsync($"/logs/{service}.log", AgentHost.Deadline()));
            using HttpResponseMessage refused = await admin.GetAsync("/logs/?query=a%20b", AgentHost.Deadline());
            Assert.Equal(HttpStatusCode.NotAcceptable, refused.StatusCode);
        }
        finally
        {
            File.Delete(file);
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<JsonNode> AskAsync(HttpClient client, string path, string accept)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        using HttpResponseMessage answer = await client.SendAsync(request, AgentHost.Deadline());
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync(AgentHost.Deadline()))!;
    }

    private static async Task<(HttpStatusCode Status, string Body)> PutAsync(HttpClient client, string level)
    {
        using StringContent content = new(level);
        using HttpResponseMessage answer = await client.PutAsync("/debug/flags/v", content, AgentHost.Deadline());
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(AgentHost.Deadline()));
    }
}
