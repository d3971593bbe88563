using NativeKubelet.Api.Local;

namespace NativeKubelet.Tests.Node.Agent;

/// <summary>Pods with init containers, probes and hooks on a node of their own, and what they left as traces.</summary>
internal static class LifecycleHost
{
    /// <param name="spec">Below spec, without indentation; IMAGE, MOUNT and FOREVER stand for the demo image, the node's directory as /node, and a program that ends on TERM.</param>
    public static void WritePod(this AgentHost node, string name, string spec, int grace = 2)
    {
        string text = spec
            .Replace("IMAGE", $"image: {AgentHost.Image}, imagePullPolicy: Never", StringComparison.Ordinal)
            .Replace("FOREVER", "trap exit TERM; sleep 1000 & wait", StringComparison.Ordinal)
            .Replace("MOUNT", "volumeMounts: [{name: node, mountPath: /node}]", StringComparison.Ordinal);
        node.Write($"{name}.yaml", $$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: {{name}}}
            spec:
              terminationGracePeriodSeconds: {{grace}}
              volumes: [{name: node, hostPath: {path: {{node.Root}} } }]
            {{string.Join('\n', text.Split('\n').Select(l => "  " + l))}}
            """);
    }

    /// <summary>What containers wrote to a file under /node.</summary>
    public static string[] Trace(this AgentHost node, string name) => File.Exists(node[name]) ? File.ReadAllLines(node[name]) : [];

    public static async Task<EventDocument> EventAsync(this AgentHost node, Func<EventDocument, bool> wanted, int seconds = 60)
    {
        IReadOnlyList<string> last = [];
        try
        {
            await foreach (EventListDocument list in node.Client.LinesAsync("GET", "/v1/events?watch", LocalJson.Default.EventListDocument, AgentHost.Deadline(seconds)))
            {
                if (list.Events.FirstOrDefault(wanted) is { } found) return found;
                last = [.. last, .. list.Events.Select(e => $"{e.Reason}: {e.Message}")];
            }
        }
        catch (OperationCanceledException)
        {
        }
        throw new InvalidOperationException($"no such event among:\n{string.Join('\n', last)}\n{node.Said}");
    }
}
