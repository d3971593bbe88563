using Microsoft.AspNetCore.Http;
using NativeKubelet.Core.Logs;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Server;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Streams;
using NativeKubelet.Status;

namespace NativeKubelet.Server.Endpoints;

/// <summary>/containerLogs/NAMESPACE/POD/CONTAINER: what <c>kubectl logs</c> shows (spec 20 §11).</summary>
internal sealed class ContainerLogRoute(StatusBoard board, IContainerRuntime runtime, bool splitStreams, TimeProvider time)
{
    public async Task ServeAsync(HttpContext context, string space, string name, string container)
    {
        if (name.Length == 0) throw new RefusedException(400, "{\"message\": \"Missing podID.\"}");
        if (container.Length == 0) throw new RefusedException(400, "{\"message\": \"Missing container name.\"}");
        if (space.Length == 0) throw new RefusedException(400, "{\"message\": \"Missing podNamespace.\"}");
        LogQuery query = LogQuery.Parse(context.First, splitStreams);
        PodView pod = Find(space, name) ?? throw new RefusedException(404, $"pod \"{name}\" does not exist");
        if (ContainerSpecs.Find(pod.Pod.Spec, container) is null) throw new RefusedException(404, $"container \"{container}\" not found in pod \"{name}\"");
        ContainerState instance = Instance(LogInstance.Choose(pod.Status, name, container, query.Previous));
        LogOptions options = new(query.Follow, query.Tail, query.Since(time.GetUtcNow()), query.Timestamps, Rotated: false)
        {
            Limit = query.Limit,
            OnlyErrors = query.Stream is { } stream ? stream == "Stderr" : null,
        };
        try
        {
            using LogReader reader = new(instance.LogPath, options, context.Response.Body, time);
            context.Begin("text/plain; charset=utf-8");
            // The head at once: whoever follows a container that is silent knows that he is connected.
            await context.Response.StartAsync(context.RequestAborted);
            await reader.CopyAsync(query.Follow ? runtime.EndOfAsync(instance.Id) : Task.CompletedTask, context.RequestAborted);
        }
        catch (Exception e) when (!context.Response.HasStarted && e is IOException or ErrnoException)
        {
            throw new RefusedException(400, $"failed to try resolving symlinks in path \"{instance.LogPath}\": {e.Message}");
        }
        catch (FileNotFoundException)
        {
            // It was removed meanwhile: there is nothing (more) to show.
        }
    }

    /// <summary>A pod that was made anew under its old name: the younger.</summary>
    private PodView? Find(string space, string name) =>
        board.Now.Pods.Values.Where(v => v.Namespace == space && v.Name == name).MaxBy(v => v.Pod.Metadata.CreationTimestamp ?? DateTime.MinValue);

    private ContainerState Instance(string id) =>
        runtime.Sandboxes.SelectMany(s => s.Containers).FirstOrDefault(c => c.Id == id)
        ?? throw new RefusedException(400, $"unable to retrieve container logs for {PodStatusWire.ContainerId(id)}");
}
