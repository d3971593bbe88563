using System.Collections.Immutable;
using System.Text.Json;
using k8s.Models;
using Microsoft.AspNetCore.Http;
using NativeKubelet.Api.Kubernetes;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Server;
using NativeKubelet.Runtime;
using NativeKubelet.Status;

namespace NativeKubelet.Server.Endpoints;

/// <summary>/pods: what should run here, with its status. /runningpods/: what does run, as the runtime sees it.</summary>
internal sealed class PodRoutes(StatusBoard board, IContainerRuntime runtime)
{
    public Task AllAsync(HttpContext context) => ListAsync(context, board.Now.Pods.Values
        .OrderBy(v => v.Namespace, StringComparer.Ordinal).ThenBy(v => v.Name, StringComparer.Ordinal).Select(PodStatusWire.ToPod));

    public Task RunningAsync(HttpContext context)
    {
        ImmutableDictionary<string, PodView> known = board.Now.Pods;
        return ListAsync(context,
            from sandbox in runtime.Sandboxes
            let running = sandbox.Containers.Where(c => c.Phase == ContainerPhase.Running).ToArray()
            where running.Length > 0
            orderby sandbox.PodNamespace, sandbox.PodName
            select new V1Pod
            {
                Metadata = new() { Name = sandbox.PodName, NamespaceProperty = sandbox.PodNamespace, Uid = sandbox.PodUid },
                Spec = new() { Containers = [.. running.Select(c => new V1Container { Name = c.Name, Image = c.Image })] },
            });
    }

    /// <summary>A running container's memory cannot be written down here: that needs CRIU, and no runtime is asked for it yet.</summary>
    public RefusedException CheckpointRefusal(string method, string space, string pod, string container)
    {
        if (!HttpMethods.IsPost(method)) return new(405, "405: Method Not Allowed");
        PodView? view = board.Now.Pods.Values.FirstOrDefault(v => v.Namespace == space && v.Name == pod);
        if (view is null) return new(404, $"pod \"{pod}\" does not exist");
        if (ContainerSpecs.Find(view.Pod.Spec, container) is null) return new(404, $"container {container} does not exist");
        return new(500, $"checkpointing of {space}/{pod}/{container} failed (this node checkpoints no containers)");
    }

    /// <summary>Written pod by pod into the answer's own buffer: a list of hundreds is never in memory as a whole.</summary>
    private static async Task ListAsync(HttpContext context, IEnumerable<V1Pod> pods)
    {
        context.Begin("application/json");
        await using Utf8JsonWriter json = new(context.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteString("kind", "PodList");
        json.WriteString("apiVersion", "v1");
        json.WriteStartObject("metadata");
        json.WriteEndObject();
        bool any = false;
        foreach (V1Pod pod in pods)
        {
            if (!any) json.WriteStartArray("items");
            any = true;
            JsonSerializer.Serialize(json, pod, KubernetesJson.Pod);
            await json.FlushAsync(context.RequestAborted);
            await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
        }
        if (any) json.WriteEndArray();
        // As the original, which never had any, writes it.
        else json.WriteNull("items");
        json.WriteEndObject();
    }
}
