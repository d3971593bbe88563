using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using NativeKubelet.Tests.ApiDouble;
using NativeKubelet.Tests.Cluster;
using NativeKubelet.Tests.Node.Agent;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;
using static NativeKubelet.Tests.Bench.Figures;

namespace NativeKubelet.Tests.Bench;

/// <summary>What a node costs in a cluster, and how fast it answers: the API double stands for the cluster, in this process.</summary>
public static class Joined
{
    private const string Idle = "trap exit TERM; sleep 100000 & wait";
    private const int Lease = 10, StatusReport = 300;       // the defaults, in seconds

    public static async Task RunAsync(Figures figures, bool quick)
    {
        await using ClusterHost host = await ClusterHost.StartAsync(null, "--max-pods=400");
        await host.ReadyAsync();
        await IdleAsync(figures, host, quick ? 30 : StatusReport);
        await StartsAsync(figures, host, quick ? 5 : 50);
        await EndsAsync(figures, host, quick ? 5 : 20);
        await ExecsAsync(figures, host, quick ? 5 : 40);
        await CrowdAsync(figures, host, quick ? 10 : 300);
    }

    private static async Task IdleAsync(Figures figures, ClusterHost host, int seconds)
    {
        await Task.Delay(Footprint.Settle);
        figures.Add(new("joined agent at 0 pods: RSS (anonymous)", Resident(host.Agent.Pid), "", "30 MB RSS", Costs.Memory(host.Agent.Pid, "Rss") * 1024 <= 30e6));

        ConcurrentQueue<string> asked = [];
        Action<string, Microsoft.AspNetCore.Http.HttpRequest> note = (user, request) =>
        {
            if (user == ApiUser.NameOfNode(host.Node)) asked.Enqueue(ApiRequest.Read(request) is { } r ? $"{r.Verb} {string.Join('/', ((string[])[r.Kind.Plural, r.SubResource]).Where(w => w.Length > 0))}" : $"{request.Method} {request.Path}");
        };
        host.Api.Asked += note;
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        host.Api.Asked -= note;
        Dictionary<string, int> counts = asked.CountBy(a => a).ToDictionary();
        // A period may begin or end within the window.
        bool met = counts.Remove("update leases", out int renewals) && Math.Abs(renewals - seconds / Lease) <= 1;
        counts.Remove("patch nodes/status", out int reports);
        figures.Add(new($"API requests of the idle node in {seconds} s: Lease renewals, node status, others", $"{renewals}, {reports}, {string.Join("; ", counts.Select(c => $"{c.Value} {c.Key}").DefaultIfEmpty("none"))}",
            "", $"{seconds / Lease}, {Math.Max(1, seconds / StatusReport)}, none", met && reports <= seconds / StatusReport + 1 && counts.Count == 0));
    }

    private static async Task StartsAsync(Figures figures, ClusterHost host, int rounds)
    {
        List<double> times = [];
        for (int i = 0; i < rounds; i++)
        {
            long begun = Stopwatch.GetTimestamp();
            host.Run($"start{i}", Idle);
            await host.PodAsync($"start{i}", pod => Text(pod["status"]?["phase"]) == "Running");
            times.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
            host.Api.Delete("pods", $"start{i}");
            await host.GoneAsync("pods", $"start{i}");
        }
        figures.Add(new($"pod made at the API → Running in its status there, p50 of {rounds} (p99)", $"{Ms(Median(times))} ({Ms(Percentile(times, 99))})"));
    }

    private static async Task EndsAsync(Figures figures, ClusterHost host, int rounds)
    {
        using FirstInstruction up = new(host.Agent["bench"]);
        List<double> times = [];
        for (int i = 0; i < rounds; i++)
        {
            string name = $"end{i}", pipe = Path.Combine(up.DirectoryPath, name);
            Node.Images.Tool.Run("/usr/bin/mkfifo", pipe);
            host.Run(name, $"read word </bench/{name}", "Never", spec =>
            {
                spec["volumes"] = new JsonArray(new JsonObject { ["name"] = "bench", ["hostPath"] = new JsonObject { ["path"] = up.DirectoryPath } });
                spec["containers"]![0]!["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "bench", ["mountPath"] = "/bench" });
            });
            await host.RunningAsync(name);
            long begun = Stopwatch.GetTimestamp();
            await File.WriteAllTextAsync(pipe, "word\n");
            await host.PodAsync(name, pod => Text(pod["status"]?["phase"]) == "Succeeded");
            times.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
            host.Api.Delete("pods", name);
            await host.GoneAsync("pods", name);
        }
        double last = Percentile(times, 99);
        figures.Add(new($"container exits → status at the API, p99 of {rounds}", Ms(last), "", "50 ms", last <= 50));
    }

    /// <summary>By a WebSocket through the API server's proxy, as kubectl's own start would be most of it.</summary>
    private static async Task ExecsAsync(Figures figures, ClusterHost host, int rounds)
    {
        host.Run("target", Idle);
        JsonObject target = await host.RunningAsync("target");
        string id = Text(target["status"]!["containerStatuses"]![0]!["containerID"]).Split("//")[1];
        using X509Certificate2 admin = host.Api.Authority.IssueClient("admin", TimeSpan.FromHours(1), ApiUser.Admins);
        List<double> ours = [], floors = [];
        for (int i = 0; i < rounds; i++)
        {
            long begun = Stopwatch.GetTimestamp();
            using (Process bare = Process.Start("/usr/sbin/runc", ["--root", host.Agent["run/runc"], "exec", id, "true"])) await bare.WaitForExitAsync();
            floors.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
            begun = Stopwatch.GetTimestamp();
            await ExecAsync(host, admin);
            ours.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
        }
        double own = Median(ours), floor = Median(floors);
        figures.Add(new($"exec of true by WebSocket through the API's proxy: connect → exit code, p50 of {rounds} (p99)", $"{Ms(own)} ({Ms(Percentile(ours, 99))})", $"runc exec true {Ms(floor)}: {Ratio(own, floor)}"));
    }

    private static async Task ExecAsync(ClusterHost host, X509Certificate2 admin)
    {
        using ClientWebSocket socket = new();
        socket.Options.ClientCertificates.Add(admin);
        socket.Options.RemoteCertificateValidationCallback = static (_, shown, _, _) => shown is not null;
        socket.Options.AddSubProtocol("v5.channel.k8s.io");
        await socket.ConnectAsync(new Uri($"wss://{host.Api.Url.Authority}/api/v1/namespaces/default/pods/target/exec?stdout=true&command=true"), AgentHost.Deadline());
        byte[] buffer = new byte[4096];
        string last = "";
        while (await socket.ReceiveAsync(buffer, AgentHost.Deadline()) is { MessageType: not WebSocketMessageType.Close } message) last = Encoding.UTF8.GetString(buffer, 0, message.Count);
        if (!last.Contains("Success", StringComparison.Ordinal)) throw new InvalidOperationException($"the exec was to succeed: {last}");
    }

    private static async Task CrowdAsync(Figures figures, ClusterHost host, int count)
    {
        for (int i = 0; i < count; i++) host.Run($"crowd{i}", Idle);
        ResourceKind pods = ResourceKind.Find("", "v1", "pods")!;
        await host.Api.WaitAsync(store => store.List(pods, "default").Items.Count(p => Text(p["status"]?["phase"]) == "Running") > count ? "all" : null, AgentHost.Deadline(300));
        await Task.Delay(Footprint.Settle);
        figures.Add(new($"joined agent at {count} pods: RSS (anonymous)", Resident(host.Agent.Pid)));

        using X509Certificate2 admin = host.Api.Authority.IssueClient("admin", TimeSpan.FromHours(1), ApiUser.Admins);
        using HttpClient client = host.Client(admin);
        const int requests = 3000;
        string page = await client.GetStringAsync("/metrics/resource", AgentHost.Deadline());
        int told = page.Split('\n').Count(l => l.StartsWith("pod_cpu_usage_seconds_total", StringComparison.Ordinal));
        if (told <= count) throw new InvalidOperationException($"/metrics/resource tells of {told} pods only");
        double cpu = Costs.Cpu(host.Agent.Pid);
        long begun = Stopwatch.GetTimestamp();
        await Parallel.ForEachAsync(Enumerable.Range(0, requests), new ParallelOptions { MaxDegreeOfParallelism = 2 }, async (_, cancel) => await client.GetStringAsync("/metrics/resource", cancel));
        double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds, each = (Costs.Cpu(host.Agent.Pid) - cpu) * 1000 / requests;
        figures.Add(new($"/metrics/resource of these {count} pods ({page.Length / 1024} KiB), two clients: requests per second (CPU of one)", $"{requests / seconds:0} ({Ms(each)})"));
    }
}
