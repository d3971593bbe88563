using System.Text.Json;
using NativeKubelet.Api.Local;

namespace NativeKubelet.Cli.Verbs;

/// <summary><c>describe</c>: all that is known of one pod, or why a manifest did not become one.</summary>
public sealed class DescribeVerb(CliConsole console)
{
    public VerbSpec Spec => new(
        "describe", "POD|MANIFEST", "tells all about a pod, or why a manifest is not run",
        [VerbSpec.Namespace, new("output", 'o', "FORMAT", "json or yaml: the whole object") { Choices = ["json", "yaml"] }, VerbSpec.RunDirectory],
        RunAsync)
    {
        Words = [WordKind.Pod],
    };

    private async Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        string typed = call.Operand(0, "the pod's name");
        AgentClient agent = AgentClient.For(call);
        PodListDocument pods = await agent.GetAsync("/v1/pods", LocalJson.Default.PodListDocument, cancel);
        ProblemListDocument problems = await agent.GetAsync("/v1/problems", LocalJson.Default.ProblemListDocument, cancel);
        ProblemDocument[] meant = [.. problems.Problems.Where(p => p.Origin.Contains(typed, StringComparison.Ordinal))];
        PodDocument pod;
        try
        {
            pod = PodChoice.Pod(pods.Pods, typed, call.TryGet("namespace"));
        }
        catch (VerbException) when (meant.Length > 0)
        {
            PrintProblems(meant);
            return 0;
        }
        byte[] whole = await agent.SendAsync("GET", $"/v1/pod?namespace={Uri.EscapeDataString(pod.Namespace)}&name={Uri.EscapeDataString(pod.Name)}", cancel);
        if (call.Has("output"))
        {
            JsonOutput.Print(whole, call, console.Out);
            return 0;
        }
        EventListDocument events = await agent.GetAsync("/v1/events", LocalJson.Default.EventListDocument, cancel);
        using JsonDocument json = JsonDocument.Parse(whole);
        foreach (string line in PodDescription.Of(json.RootElement, pod, [.. events.Events.Where(e => e.PodUid == pod.Uid)], console.Time.GetUtcNow()))
            console.Out.WriteLine(CliConsole.Clean(line));
        if (meant.Length > 0)
        {
            console.Out.WriteLine();
            PrintProblems(meant);
        }
        console.Out.Flush();
        return 0;
    }

    private void PrintProblems(IEnumerable<ProblemDocument> problems)
    {
        foreach (IGrouping<string, ProblemDocument> file in problems.GroupBy(p => p.Origin))
        {
            bool runs = file.All(p => p.Severity != "error"), standIn = file.Any(p => p.StandIn);
            console.Out.WriteLine(CliConsole.Clean($"Manifest:  {file.Key}"));
            console.Out.WriteLine($"Status:    {(runs ? "runs, with warnings" : standIn ? "refused; its last valid content runs on" : "refused; nothing of it runs")}");
            console.Out.WriteLine($"Since:     {Units.Age(console.Time.GetUtcNow() - file.Min(p => p.Since))}");
            console.Out.WriteLine("Problems:");
            foreach (ProblemDocument p in file)
                console.Out.WriteLine("  " + CliConsole.Clean($"{p.Severity}{(p.Line > 0 ? $", line {p.Line}" : "")}: {(p.Field.Length > 0 ? p.Field + ": " : "")}{p.Message}"));
        }
        console.Out.Flush();
    }
}
