using System.Globalization;
using System.Text.Json;
using NativeKubelet.Api.Local;

namespace NativeKubelet.Cli.Verbs;

/// <summary><c>ps</c>: the node's pods, and what is wrong with manifests.</summary>
public sealed class PsVerb(CliConsole console)
{
    public VerbSpec Spec => new(
        "ps", "[POD…]", "shows the pods of this node",
        [
            VerbSpec.Namespace,
            new("all-namespaces", 'A', null, "pods of every namespace (the default)"),
            new("output", 'o', "FORMAT", "wide, json, yaml or name") { Choices = ["wide", "json", "yaml", "name"] },
            new("watch", 'w', null, "go on and show changes"),
            VerbSpec.RunDirectory,
        ],
        RunAsync)
    {
        Words = [WordKind.Pod],
    };

    private async Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        AgentClient agent = AgentClient.For(call);
        string format = call.Get("output", "");
        if (format is "json" or "yaml")
        {
            if (call.Has("watch")) throw new UsageException(call.Verb, "--watch is for tables; programs read 'events --follow -o json'");
            Whole(await agent.SendAsync("GET", "/v1/pods?whole", cancel), call, format);
            return 0;
        }
        if (call.Has("watch")) return await WatchAsync(agent, call, format, cancel);

        PodListDocument pods = await agent.GetAsync("/v1/pods", LocalJson.Default.PodListDocument, cancel);
        Print(Chosen(pods, call), format);
        if (format != "name") await PrintProblemsAsync(agent, cancel);
        return 0;
    }

    /// <summary>On a terminal the table is painted anew; elsewhere each pod that changed is one more line.</summary>
    private async Task<int> WatchAsync(AgentClient agent, VerbCall call, string format, CancellationToken cancel)
    {
        Dictionary<string, string> shown = [];
        bool first = true;
        await foreach (PodListDocument pods in agent.LinesAsync("GET", "/v1/pods?watch", LocalJson.Default.PodListDocument, cancel))
        {
            PodDocument[] chosen = Chosen(pods, call);
            if (console.Size() is not null)
            {
                console.Out.Write("\e[H\e[2J");
                Print(chosen, format);
                await PrintProblemsAsync(agent, cancel);
                continue;
            }
            PodDocument[] changed = [.. chosen.Where(p => shown.GetValueOrDefault(p.Uid) != Fingerprint(p))];
            if (first || changed.Length > 0) Print(changed, format, headers: first);
            foreach (PodDocument pod in changed) shown[pod.Uid] = Fingerprint(pod);
            if (first && format != "name") await PrintProblemsAsync(agent, cancel);
            first = false;
        }
        return 0;

        // A row without its age, which always changes.
        static string Fingerprint(PodDocument pod) => string.Join('\0', Row(pod, wide: true, now: null));
    }

    private static PodDocument[] Chosen(PodListDocument list, VerbCall call)
    {
        string? space = call.Has("all-namespaces") ? null : call.TryGet("namespace");
        IReadOnlyList<PodDocument> pods = [.. list.Pods.Where(p => space is null || p.Namespace == space)];
        return call.Operands.IsEmpty ? [.. pods] : [.. call.Operands.Select(o => PodChoice.Pod(pods, o, space)).DistinctBy(p => p.Uid)];
    }

    private void Print(PodDocument[] pods, string format, bool headers = true)
    {
        if (format == "name")
        {
            // As the verbs take it: a pod of the default namespace needs no more than its name.
            foreach (PodDocument p in pods) console.Out.WriteLine(CliConsole.Clean(p.Namespace == "default" ? p.Name : $"{p.Namespace}/{p.Name}"));
            console.Out.Flush();
            return;
        }
        bool wide = format == "wide";
        if (pods.Length == 0 && headers) console.Error.WriteLine("no pods");
        else
        {
            Table table = wide
                ? new("NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "SOURCE", "QOS", "IMAGES")
                : new("NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE");
            foreach (PodDocument pod in pods) table.Add(Row(pod, wide, console.Time.GetUtcNow()));
            table.Print(console.Out, headers);
        }
        console.Out.Flush();
    }

    private static string[] Row(PodDocument pod, bool wide, DateTimeOffset? now)
    {
        string[] row =
        [
            pod.Namespace, pod.Name, $"{pod.Ready}/{pod.Total}", pod.Status, pod.Restarts.ToString(CultureInfo.InvariantCulture),
            now is { } today && pod.StartTime is { } start ? Units.Age(today - start) : "",
        ];
        return !wide ? row : [.. row, pod.Ip.Length > 0 ? pod.Ip : "-", pod.Source, pod.Qos, string.Join(",", pod.Containers.Select(c => c.Image))];
    }

    /// <summary>A manifest that is broken has no row to show itself in.</summary>
    private async Task PrintProblemsAsync(AgentClient agent, CancellationToken cancel)
    {
        ProblemListDocument list = await agent.GetAsync("/v1/problems", LocalJson.Default.ProblemListDocument, cancel);
        foreach (ProblemDocument p in list.Problems.Where(p => p.Severity == "error"))
            console.Error.WriteLine("! " + CliConsole.Clean($"{p.Origin}{(p.Line > 0 ? $":{p.Line}" : "")}: {(p.Field.Length > 0 ? p.Field + ": " : "")}{p.Message}")
                + (p.StandIn ? " (its last valid content runs on)" : ""));
    }

    private void Whole(byte[] list, VerbCall call, string format)
    {
        using JsonDocument document = JsonDocument.Parse(list);
        string? space = call.TryGet("namespace");
        JsonOutput.Print(document.RootElement, format, console.Out, keep: item =>
        {
            JsonElement metadata = item.GetProperty("metadata");
            string? name = metadata.GetProperty("name").GetString(), own = metadata.GetProperty("namespace").GetString();
            return (space is null || own == space)
                && (call.Operands.IsEmpty || call.Operands.Any(o => o == name || o == $"{own}/{name}" || name!.StartsWith(o, StringComparison.Ordinal)));
        });
    }
}
