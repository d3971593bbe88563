using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resize;
using NativeKubelet.Runtime.Cgroups;

namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>
/// Gives a pod's group and those of its running containers other values, in the order that <see cref="ResizeOrder"/> says. The
/// sandbox's record tells from the first write on that they change, so that whatever breaks it off, it is done again as a whole.
/// </summary>
internal sealed class PodResizer(RuntimeSettings settings, PodCgroups cgroups)
{
    /// <exception cref="RuntimeException">Nothing is written where memory in use forbids it; otherwise some of it may be.</exception>
    public async Task ResizeAsync(Sandbox sandbox, PodResize resize, CancellationToken cancel)
    {
        SandboxRecord record = sandbox.Record;
        V1Pod? before = record.Resizing ? null : PodAllocation.TryParse(record.Granted)?.Apply(resize.Pod);
        PodCgroup pod = cgroups.Of(resize.Pod);
        ImmutableArray<ContainerResize> containers = [.. resize.Containers.Where(c => sandbox.Find(c.Id) is { Phase: ContainerPhase.Running })];
        try
        {
            if (MemoryGuard.Refuse(before, resize.Pod, containers, settings.Limits, id => UsageOf(sandbox, pod, id)) is { } refusal)
                throw new RuntimeException("ResizePodInPlaceError", refusal);
            Write(sandbox, r => r with { Resizing = true });
            foreach (ResizeWrite write in ResizeOrder.Of(before, resize.Pod, containers, settings.Limits))
                await (write.Container is null ? cgroups.SetPodAsync(pod, write.Limits, cancel) : cgroups.SetContainerAsync(GroupOf(sandbox, write.Container), write.Limits, cancel));
            Write(sandbox, r => r with { Resizing = false, Granted = PodAllocation.Of(resize.Pod.Spec).Format(), Resized = Resized(sandbox, resize.Pod, containers) });
        }
        catch (Exception e) when (e is IOException or FormatException)
        {
            throw new RuntimeException("ResizePodInPlaceError", e.Message, e);
        }
    }

    private void Write(Sandbox sandbox, Func<SandboxRecord, SandboxRecord> change) => sandbox.Save(SandboxFiles.Of(settings.Paths, sandbox.Id), change);

    /// <summary>Where pods have no groups of their own, nothing of theirs is limited.</summary>
    private long? UsageOf(Sandbox sandbox, PodCgroup pod, string? container) =>
        container is not null ? cgroups.MemoryUsage(GroupOf(sandbox, container)) : cgroups.Tree.PerQos ? cgroups.MemoryUsage(pod.Path) : 0;

    private static string GroupOf(Sandbox sandbox, string container) =>
        sandbox.Find(container)?.CgroupPath ?? throw new RuntimeException("ResizePodInPlaceError", $"container {container} is gone");

    /// <summary>With those that were given something before and still run.</summary>
    private static ImmutableDictionary<string, ResizableAmounts> Resized(Sandbox sandbox, V1Pod pod, ImmutableArray<ContainerResize> now)
    {
        ImmutableDictionary<string, ResizableAmounts> all = sandbox.Record.Resized ?? ImmutableDictionary<string, ResizableAmounts>.Empty;
        all = all.RemoveRange(all.Keys.Where(id => sandbox.Find(id) is not { Phase: ContainerPhase.Running }));
        foreach (ContainerResize container in now)
            all = all.SetItem(container.Id, ResizableAmounts.InForce(pod.Spec, Core.Resources.PodResources.AllContainers(pod.Spec).First(c => c.Name == container.Name)));
        return all;
    }
}
