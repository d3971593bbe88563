using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using NativeKubelet.Tests.ApiDouble;
using NativeKubelet.Tests.Node.Agent;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.Cluster;

/// <summary>The node's own port, over real TLS: who gets in, what he may, and what he is told.</summary>
public sealed class ServerTests
{
    private static readonly ApiUser Scraper = new("scraper", ["system:authenticated"]), Reader = new("reader", ["system:authenticated"]);

    private static readonly ApiSettings Rights = new()
    {
        Allows = static (user, verb, subresource) => user.IsAdmin || (verb, user.Name, subresource) is ("get", "scraper", "metrics" or "stats") or ("get", "reader", "pods" or "proxy"),
    };

    [Fact]
    public async Task Nobody_unknown_is_served_and_the_port_that_the_node_tells_is_the_one_that_is_open()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        JsonObject node = await host.ReadyAsync();
        using ApiAuthority foreign = new();
        using X509Certificate2 stranger = foreign.IssueClient("kubernetes-admin", TimeSpan.FromHours(1), ApiUser.Admins);

        Assert.Equal($"{host.Port}", Text(node["status"]!["daemonEndpoints"]!["kubeletEndpoint"]!["Port"]));
        foreach (HttpClient client in (HttpClient[])[host.Client(), host.Client(stranger), host.Client(token: "nobody's")])
            using (client)
            {
                client.DefaultRequestHeaders.Add("X-Remote-User", "kubernetes-admin");
                client.DefaultRequestHeaders.Add("X-Remote-Group", ApiUser.Admins);
                using HttpResponseMessage answer = await client.GetAsync("/healthz", AgentHost.Deadline());
                Assert.Equal((HttpStatusCode.Unauthorized, "Unauthorized"), (answer.StatusCode, await answer.Content.ReadAsStringAsync(AgentHost.Deadline())));
            }
    }

    [Fact]
    public async Task Each_caller_may_what_the_cluster_says_and_running_something_is_no_reading()
    {
        await using ClusterHost host = await ClusterHost.StartAsync(Rights);
        using HttpClient scraper = host.Client(token: host.Api.Tokens.Issue(Scraper)), reader = host.Client(token: host.Api.Tokens.Issue(Reader));

        await IsAsync(scraper, "/pods", 403, "Forbidden (user=scraper, verb=get, resource=nodes, subresource(s)=[pods proxy])\n");
        await IsAsync(reader, "/exec/default/web/main?command=id", 403, "Forbidden (user=reader, verb=create, resource=nodes, subresource(s)=[proxy])\n");
        await IsAsync(reader, "/nonsense", 404, null);
        await IsAsync(reader, "/healthz", 200, "ok");
        await IsAsync(reader, "/pods", 200, "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{},\"items\":null}");
    }

    [Fact]
    public async Task The_same_caller_is_reviewed_once_and_a_cluster_that_is_away_lets_in_nobody_new()
    {
        await using ClusterHost host = await ClusterHost.StartAsync(Rights);
        string known = host.Api.Tokens.Issue(Reader), late = host.Api.Tokens.Issue(Reader);
        int reviews = 0;
        host.Api.Asked += (_, request) => { if (request.Path.Value!.EndsWith("reviews", StringComparison.Ordinal)) Interlocked.Increment(ref reviews); };
        using HttpClient first = host.Client(token: known), second = host.Client(token: known), third = host.Client(token: late);

        await IsAsync(first, "/pods", 200, null);
        await IsAsync(second, "/pods", 200, null);
        Assert.Equal(2, reviews);       // one of the token, one of the right
        await host.Api.StopAsync();
        await IsAsync(second, "/pods", 200, null);
        await IsAsync(third, "/pods", 401, "Unauthorized");
    }

    [Fact]
    public async Task A_new_client_authority_counts_at_once_also_for_connections_that_are_open()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        using ApiAuthority next = new();
        using X509Certificate2 before = host.Api.Authority.IssueClient("admin", TimeSpan.FromHours(1), ApiUser.Admins), after = next.IssueClient("admin", TimeSpan.FromHours(1), ApiUser.Admins);
        using HttpClient old = host.Client(before), young = host.Client(after);
        await IsAsync(old, "/healthz", 200, "ok");
        await IsAsync(young, "/healthz", 401, null);

        File.WriteAllText(host.ClientAuthority + ".new", next.RootPem);
        File.Move(host.ClientAuthority + ".new", host.ClientAuthority, overwrite: true);

        await IsAsync(old, "/healthz", 401, null);
        await IsAsync(young, "/healthz", 200, "ok");
    }

    [Fact]
    public async Task Pods_configuration_and_health_are_told_to_who_may_know()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("web", "trap exit TERM; sleep 1000 & wait");
        await host.RunningAsync("web");
        using X509Certificate2 admin = host.Api.Authority.IssueClient("admin", TimeSpan.FromHours(1), ApiUser.Admins);
        using HttpClient client = host.Client(admin);

        JsonNode pods = (await client.GetFromJsonAsync<JsonNode>("/pods", AgentHost.Deadline()))!;
        Assert.Equal(("web", "Running"), (Text(pods["items"]![0]!["metadata"]!["name"]), Text(pods["items"]![0]!["status"]!["phase"])));
        JsonNode running = (await client.GetFromJsonAsync<JsonNode>("/runningpods/", AgentHost.Deadline()))!;
        Assert.Equal("main", Text(running["items"]![0]!["spec"]!["containers"]![0]!["name"]));
        JsonNode configz = (await client.GetFromJsonAsync<JsonNode>("/configz", AgentHost.Deadline()))!;
        Assert.Equal(("KubeletConfiguration", host.Port), (Text(configz["kubeletconfig"]!["kind"]), configz["kubeletconfig"]!["port"]!.GetValue<int>()));
        await IsAsync(client, "/healthz?verbose", 200, "[+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n");
        await IsAsync(client, "/healthz/syncloop", 200, "ok");
        await IsAsync(client, "/containerLogs/default/nobody/main", 404, "pod \"nobody\" does not exist");
        await IsAsync(client, "/containerLogs/default/web/other", 404, "container \"other\" not found in pod \"web\"");
        await IsAsync(client, "/containerLogs/default/web/main?tailLines=-1", 422, "{\"message\": \"Invalid request.\"}");
        using HttpResponseMessage posted = await client.PostAsync("/pods", null, AgentHost.Deadline());
        Assert.Equal(HttpStatusCode.MethodNotAllowed, posted.StatusCode);
    }

    [Fact]
    public async Task Kubectl_shows_a_containers_log_with_all_of_its_options()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("talker", "for i in 1 2 3; do echo line $i; done; trap exit TERM; sleep 1000 & wait");
        await host.RunningAsync("talker");

        Assert.Equal((0, "line 1\nline 2\nline 3\n", ""), host.Kubectl("logs", "talker"));
        Assert.Equal((0, "line 3\n", ""), host.Kubectl("logs", "talker", "--tail=1"));
        Assert.Equal((0, "lin", ""), host.Kubectl("logs", "talker", "--limit-bytes=3"));
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z line 1\n", host.Kubectl("logs", "talker", "--timestamps").Out);
        (int code, _, string error) = host.Kubectl("logs", "talker", "--previous");
        Assert.Equal(1, code);
        Assert.Contains("previous terminated container \"main\" in pod \"talker\" not found", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_follower_is_told_each_line_and_let_go_when_the_container_ends()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("counter", "echo begun; while ! [ -e /tmp/go ]; do sleep 0.1; done; echo over", "Never");
        await host.PodAsync("counter", p => Text(p["status"]?["phase"]) == "Running");
        using X509Certificate2 admin = host.Api.Authority.IssueClient("admin", TimeSpan.FromHours(1), ApiUser.Admins);
        using HttpClient client = host.Client(admin);

        using HttpResponseMessage answer = await client.GetAsync("/containerLogs/default/counter/main?follow=true", HttpCompletionOption.ResponseHeadersRead, AgentHost.Deadline());
        using StreamReader lines = new(await answer.Content.ReadAsStreamAsync(AgentHost.Deadline()));
        Assert.Equal("begun", await lines.ReadLineAsync(AgentHost.Deadline()));
        host.Api.Delete("pods", "counter");
        while (await lines.ReadLineAsync(AgentHost.Deadline()) is not null)
        {
        }
    }

    [Fact]
    public async Task Kubectl_top_and_a_metrics_server_see_what_a_pod_uses()
    {
        await using ClusterHost host = await ClusterHost.StartAsync(Rights);
        await host.ReadyAsync();
        host.Run("busy", "trap exit TERM; while :; do sleep 0.2; done");
        await host.RunningAsync("busy");
        using HttpClient client = host.Client(token: host.Api.Tokens.Issue(Scraper));
        JsonNode summary = await SummaryAsync(client, s => Container(s)?["cpu"]?["usageNanoCores"]?.GetValue<long>() > 0 && Busy(s)!["volume"] is not null);

        Assert.Equal(host.Node, Text(summary["node"]!["nodeName"]));
        Assert.True(Container(summary)!["memory"]!["workingSetBytes"]!.GetValue<long>() > 0);
        Assert.True(summary["node"]!["fs"]!["capacityBytes"]!.GetValue<long>() > 0);
        Assert.Equal("pods", Text(summary["node"]!["systemContainers"]![0]!["name"]));
        JsonNode volume = Busy(summary)!["volume"]![0]!;
        Assert.StartsWith("kube-api-access-", Text(volume["name"]), StringComparison.Ordinal);
        Assert.InRange(volume["usedBytes"]!.GetValue<long>(), 1, volume["capacityBytes"]!.GetValue<long>());
        Assert.Contains("busy", host.Kubectl("top", "pods").Out, StringComparison.Ordinal);
        Assert.Contains(host.Node, host.Kubectl("top", "nodes").Out, StringComparison.Ordinal);

        string resource = await client.GetStringAsync("/metrics/resource", AgentHost.Deadline()), cadvisor = await client.GetStringAsync("/metrics/cadvisor", AgentHost.Deadline());
        Assert.Matches("(?m)^container_cpu_usage_seconds_total\\{container=\"main\",namespace=\"default\",pod=\"busy\"\\} [0-9.E-]+ \\d{13}$", resource);
        Assert.Matches("(?m)^container_memory_working_set_bytes\\{container=\"main\",id=\"/[^\"]*\",image=\"[^\"]+\",name=\"[0-9a-f]{64}\",namespace=\"default\",pod=\"busy\"\\} \\d+ \\d{13}$", cadvisor);
        Assert.Matches("(?m)^machine_cpu_cores\\{", cadvisor);
        string kubelet = await client.GetStringAsync("/metrics", AgentHost.Deadline());
        Assert.Contains($"kubelet_node_name{{node=\"{host.Node}\"}} 1\n", kubelet, StringComparison.Ordinal);
        Assert.Contains("kubelet_running_containers{container_state=\"running\"} 1\n", kubelet, StringComparison.Ordinal);
        Assert.Contains("kubelet_http_requests_total{long_running=\"false\",method=\"GET\",path=\"stats\",server_type=\"readwrite\"}", kubelet, StringComparison.Ordinal);
        await IsAsync(client, "/metrics/nonsense", 404, null);
        await IsAsync(client, "/logs/", 403, null);
    }

    [Fact]
    public async Task What_this_node_does_not_do_is_refused_in_words()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        using X509Certificate2 admin = host.Api.Authority.IssueClient("admin", TimeSpan.FromHours(1), ApiUser.Admins);
        using HttpClient client = host.Client(admin);

        await IsAsync(client, "/debug/pprof/heap", 405, "profiling endpoint is disabled.\n");
        await IsAsync(client, "/debug/flags/v", 406, "unsupported http method\n");
        using HttpResponseMessage checkpoint = await client.PostAsync("/checkpoint/default/web/main", null, AgentHost.Deadline());
        Assert.Equal((HttpStatusCode.NotFound, "pod \"web\" does not exist"), (checkpoint.StatusCode, await checkpoint.Content.ReadAsStringAsync(AgentHost.Deadline())));
        using HttpResponseMessage logs = await client.GetAsync("/logs/", AgentHost.Deadline());
        Assert.Equal("text/html", logs.Content.Headers.ContentType!.MediaType);
        using HttpResponseMessage outside = await client.GetAsync("/logs/..%2f..%2fetc%2fpasswd", AgentHost.Deadline());
        Assert.Equal(HttpStatusCode.NotFound, outside.StatusCode);
        using HttpRequestMessage large = new(HttpMethod.Post, "/run/default/web/main") { Content = new ByteArrayContent(new byte[2 << 20]) };
        try
        {
            using HttpResponseMessage refused = await client.SendAsync(large, AgentHost.Deadline());
            Assert.False(refused.IsSuccessStatusCode);
        }
        catch (HttpRequestException e) when (e.InnerException is IOException)
        {
            // The connection was closed before all of the body had been sent, and the answer with it.
        }
        await IsAsync(client, "/healthz", 200, "ok");
    }

    [Fact]
    public async Task A_peer_that_says_nothing_or_no_TLS_holds_up_nobody()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        using X509Certificate2 admin = host.Api.Authority.IssueClient("admin", TimeSpan.FromHours(1), ApiUser.Admins);
        using HttpClient client = host.Client(admin);
        List<TcpClient> silent = [];
        try
        {
            for (int i = 0; i < 100; i++)
            {
                TcpClient one = new();
                await one.ConnectAsync(IPAddress.Loopback, host.Port, AgentHost.Deadline());
                if (i % 2 == 0) await one.GetStream().WriteAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray(), AgentHost.Deadline());
                silent.Add(one);
            }

            await IsAsync(client, "/healthz", 200, "ok");
        }
        finally
        {
            foreach (TcpClient one in silent) one.Dispose();
        }
    }

    private static JsonNode? Busy(JsonNode summary) => (summary["pods"] as JsonArray)?.FirstOrDefault(p => Text(p!["podRef"]!["name"]) == "busy");

    private static JsonNode? Container(JsonNode summary) => Busy(summary)?["containers"]?[0];

    /// <summary>Usage is sampled every ten seconds; there is nothing else to wait on.</summary>
    private static async Task<JsonNode> SummaryAsync(HttpClient client, Func<JsonNode, bool> wanted)
    {
        for (CancellationToken deadline = AgentHost.Deadline(); ; await Task.Delay(200, deadline))
            if (await client.GetFromJsonAsync<JsonNode>("/stats/summary", deadline) is { } summary && wanted(summary)) return summary;
    }

    private static async Task IsAsync(HttpClient client, string path, int status, string? body)
    {
        using HttpResponseMessage answer = await client.GetAsync(path, AgentHost.Deadline());
        string text = await answer.Content.ReadAsStringAsync(AgentHost.Deadline());
        Assert.True((int)answer.StatusCode == status && (body is null || text == body), $"{path}: {(int)answer.StatusCode} {text}");
    }
}
