using System.Net.Http.Json;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using NativeKubelet.Tests.ApiDouble;
using NativeKubelet.Tests.Node.Agent;
using NativeKubelet.Tests.Unit.Core.Stats;

namespace NativeKubelet.Tests.Cluster;

/// <summary>What Prometheus scrapes off a node, and what the dashboards and alerts that people have make of it.</summary>
public sealed class MetricsTests
{
    private const string Unmount = "migrated=\"false\",operation_name=\"volume_unmount\",status=\"success\",volume_plugin=\"kubernetes.io/projected\"";

    [Fact]
    public async Task Every_page_is_well_formed_and_has_what_dashboards_and_alerts_ask_for()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("web", "trap exit TERM; sleep 1000 & wait");
        await host.RunningAsync("web");
        Assert.Equal("hello\n", host.Kubectl("exec", "web", "--", "echo", "hello").Out);
        using X509Certificate2 admin = host.Api.Authority.IssueClient("admin", TimeSpan.FromHours(1), ApiUser.Admins);
        using HttpClient client = host.Client(admin);
        // Written once per round of samples; this one has seen the pod.
        Exposition kubelet = await ReadAsync(client, "/metrics", page => page.Has("kubelet_pod_start_duration_seconds_count", "") && page.Has("kubelet_runtime_operations_total", Operation("exec")));

        Assert.Equal(1, kubelet.Value("kubelet_node_name", $"node=\"{host.Node}\""));
        foreach (string done in (string[])["run_podsandbox", "create_container", "start_container", "exec"])
        {
            Assert.Equal(1, kubelet.Value("kubelet_runtime_operations_total", Operation(done)));
            Assert.Equal(1, kubelet.Value("kubelet_runtime_operations_duration_seconds_count", Operation(done)));
            Assert.False(kubelet.Has("kubelet_runtime_operations_errors_total", Operation(done)));
        }
        Assert.Equal((1, 0), (kubelet.Value("kubelet_started_pods_total", ""), kubelet.Value("kubelet_started_pods_errors_total", "")));
        Assert.Equal((0, 0), (kubelet.Value("kubelet_started_user_namespaced_pods_total", ""), kubelet.Value("kubelet_started_user_namespaced_pods_errors_total", "")));
        Assert.Equal(1, kubelet.Value("kubelet_started_containers_total", "container_type=\"container\""));
        Assert.Equal((1, 1), (kubelet.Value("kubelet_pod_start_duration_seconds_count", ""), kubelet.Value("kubelet_pod_worker_start_duration_seconds_count", "")));
        Assert.InRange(kubelet.Value("kubelet_pod_start_duration_seconds_sum", ""), 0.01, 60);
        Assert.True(kubelet.Value("kubelet_pod_worker_duration_seconds_count", Operation("create")) >= 1);
        Assert.True(kubelet.Value("kubelet_cgroup_manager_duration_seconds_count", Operation("create")) >= 1);
        Assert.True(kubelet.Value("storage_operation_duration_seconds_count", "migrated=\"false\",operation_name=\"volume_mount\",status=\"success\",volume_plugin=\"kubernetes.io/projected\"") >= 1);
        Assert.Equal(1, kubelet.Value("volume_manager_total_volumes", "plugin_name=\"kubernetes.io/projected\",state=\"actual_state_of_world\""));
        Assert.Equal((1, 0), (kubelet.Value("kubelet_desired_pods", "static=\"\""), kubelet.Value("kubelet_desired_pods", "static=\"true\"")));
        Assert.InRange(kubelet.Value("kubelet_pleg_last_seen_seconds", ""), DateTimeOffset.UtcNow.AddMinutes(-2).ToUnixTimeSeconds(), DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1);
        string server = $"host=\"{host.Api.Url.Authority}\"";
        Assert.True(kubelet.Value("rest_client_requests_total", $"code=\"200\",{server},method=\"GET\"") >= 1);
        Assert.True(kubelet.Value("rest_client_rate_limiter_duration_seconds_count", $"{server},verb=\"GET\"") >= 1);
        Assert.True(kubelet.Value("rest_client_request_duration_seconds_count", $"{server},verb=\"PATCH\"") >= 1);
        Assert.InRange(kubelet.Value("kubelet_certificate_manager_client_ttl_seconds", ""), 1, 3600);
        Assert.Equal(0, kubelet.Value("kubelet_certificate_manager_client_expiration_renew_errors", ""));
        Assert.True(kubelet.Value("process_max_fds", "") >= kubelet.Value("process_open_fds", ""));
        foreach (string page in (string[])["/metrics/cadvisor", "/metrics/resource", "/metrics/probes", "/metrics/slis"])
            Exposition.Parse(await client.GetStringAsync(page, AgentHost.Deadline()));
    }

    [Fact]
    public async Task What_a_container_takes_of_the_disk_is_told_by_the_summary_and_by_its_series()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("writer", "echo begun; trap exit TERM; sleep 1000 & wait");
        await host.RunningAsync("writer");
        Assert.Equal((0, "", ""), host.Kubectl("exec", "writer", "--", "sh", "-c", "dd if=/dev/zero of=/big bs=65536 count=48 2>/dev/null"));
        using X509Certificate2 admin = host.Api.Authority.IssueClient("admin", TimeSpan.FromHours(1), ApiUser.Admins);
        using HttpClient client = host.Client(admin);

        JsonNode? pod = null;
        // Measured beside whoever asks: the first who does is told nothing yet.
        for (CancellationToken deadline = AgentHost.Deadline(); pod?["containers"]?[0]?["rootfs"] is null; await Task.Delay(200, deadline))
            pod = (await client.GetFromJsonAsync<JsonNode>("/stats/summary", deadline))!["pods"]?[0];

        const long written = 48 << 16;
        Assert.InRange(Number(pod["containers"]![0]!["rootfs"]!), written, written + (1 << 20));
        Assert.InRange(Number(pod["containers"]![0]!["logs"]!), 1, 1 << 20);
        Assert.InRange(Number(pod["ephemeral-storage"]!), written, written + (2 << 20));
        Exposition cadvisor = await ReadAsync(client, "/metrics/cadvisor", p => p.Sum("container_fs_usage_bytes", "container=\"main\"") >= written);
        Assert.True(cadvisor.Sum("container_fs_limit_bytes", "id=\"/\"") > written);

        static long Number(JsonNode fs) => fs["usedBytes"]!.GetValue<long>();
    }

    [Fact]
    public async Task Starts_are_timed_without_init_containers_processes_are_counted_and_volumes_are_timed_as_they_go()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("web", "trap exit TERM; exec 5</dev/null; sleep 1000 & wait", spec: s =>
        {
            JsonObject init = (JsonObject)s["containers"]![0]!.DeepClone();
            (init["name"], init["command"]) = ("init", new JsonArray("sleep", "3"));
            s["initContainers"] = new JsonArray(init);
        });
        await host.RunningAsync("web");
        using X509Certificate2 admin = host.Api.Authority.IssueClient("admin", TimeSpan.FromHours(1), ApiUser.Admins);
        using HttpClient client = host.Client(admin);

        Exposition kubelet = await ReadAsync(client, "/metrics", page => page.Value("kubelet_pod_start_total_duration_seconds_count", "") == 1);
        Assert.Equal(1, kubelet.Value("kubelet_pod_start_sli_duration_seconds_count", ""));
        Assert.InRange(kubelet.Value("kubelet_pod_start_total_duration_seconds_sum", "") - kubelet.Value("kubelet_pod_start_sli_duration_seconds_sum", ""), 1, 60);
        Exposition cadvisor = await ReadAsync(client, "/metrics/cadvisor", page => page.Sum("container_processes", "container=\"main\"") == 2);
        Assert.Equal((2, 0), (cadvisor.Sum("container_threads", "container=\"main\""), cadvisor.Sum("container_sockets", "container=\"main\"")));
        Assert.InRange(cadvisor.Sum("container_file_descriptors", "container=\"main\""), 7, 12);
        Assert.True(cadvisor.Sum("container_ulimits_soft", "container=\"main\"") is > 0 or -1);

        host.Api.Delete("pods", "web");
        await host.GoneAsync("pods", "web");
        Exposition after = await ReadAsync(client, "/metrics", page => page.Has("storage_operation_duration_seconds_count", Unmount));
        Assert.Equal(1, after.Value("storage_operation_duration_seconds_count", Unmount));
    }

    private static string Operation(string name) => $"operation_type=\"{name}\"";

    private static async Task<Exposition> ReadAsync(HttpClient client, string path, Func<Exposition, bool> wanted)
    {
        for (CancellationToken deadline = AgentHost.Deadline(); ; await Task.Delay(500, deadline))
            if (Exposition.Parse(await client.GetStringAsync(path, deadline)) is { } page && wanted(page)) return page;
    }
}
