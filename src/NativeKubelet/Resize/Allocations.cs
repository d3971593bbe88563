using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Events;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resize;
using NativeKubelet.Core.Resources;
using NativeKubelet.Pods;
using NativeKubelet.Runtime;

namespace NativeKubelet.Resize;

/// <summary>
/// What each admitted pod was granted, and which of their wishes for something else have to wait. The node's pods share what it
/// has, so whoever admits pods decides here too: all calls come under the lock of the desired pods.
/// </summary>
internal sealed partial class Allocations(AllocationFile file, IContainerRuntime runtime, PodEvents events, LimitSettings limits, TimeProvider time, ILogger<Allocations> log)
{
    private readonly Dictionary<string, Grant> _grants = [];    // by UID

    /// <summary>UIDs of all admitted pods.</summary>
    public IEnumerable<string> Uids => _grants.Keys;

    /// <summary>All admitted pods, as they were granted.</summary>
    public IEnumerable<V1Pod> Granted => _grants.Values.Select(g => g.Pod);

    /// <summary>Some wish may be granted when others give back.</summary>
    public bool AnyDeferred => _grants.Values.Any(g => g.Pending is { IsInfeasible: false });

    /// <summary>The pod as an earlier agent had granted it; for a new one, as it asks to be.</summary>
    public V1Pod Recall(V1Pod pod)
    {
        if (!StaticPodIdentity.IsFromApi(pod)) return pod;      // another spec is another pod
        string uid = pod.Metadata.Uid;
        PodAllocation? known = file.Read(uid) ?? runtime.Sandboxes.LastOrDefault(s => s.PodUid == uid && s.Ready)?.Granted;
        return known?.Apply(pod) ?? pod;
    }

    /// <param name="granted">As <see cref="Recall"/> gave it.</param>
    public void Admit(V1Pod pod, V1Pod granted) =>
        _grants[pod.Metadata.Uid] = new(pod, granted, PodAllocation.Of(granted.Spec)) { Pending = ToldBefore(pod) };

    public void Forget(string uid) => _grants.Remove(uid);

    /// <summary>An admitted pod as its worker is to have it.</summary>
    public (V1Pod Pod, ResizeOutlook? Resize) Of(string uid) => (_grants[uid].Pod, _grants[uid].Outlook);

    /// <summary>A newer object of an admitted pod; whether it is granted more is decided apart from that.</summary>
    /// <returns>False for a pod that was not admitted.</returns>
    public bool Update(V1Pod pod)
    {
        if (!_grants.TryGetValue(pod.Metadata.Uid, out Grant? grant)) return false;
        _grants[pod.Metadata.Uid] = grant with { Wanted = pod, Pod = grant.Allocation.Apply(pod), Judged = false };
        return true;
    }

    /// <summary>Looks at every wish that may be granted now.</summary>
    /// <param name="ended">It runs nothing any more.</param>
    /// <param name="admit">What is asked of a new pod beside all others.</param>
    /// <param name="changed">Called for each pod of which its worker must know something new.</param>
    public void Decide(Func<V1Pod, bool> ended, Func<V1Pod, AdmissionRefusal?> admit, Action<V1Pod, ResizeOutlook> changed)
    {
        Grant[] due = [.. _grants.Values.Where(g => g.Wanted.Metadata.DeletionTimestamp is null && !ended(g.Wanted) && !(g.Judged && g.Pending is null or { IsInfeasible: true }))];
        foreach (Grant grant in ResizeAdmission.Order(due, g => (g.Wanted, g.Pod, g.Since)))
        {
            Grant now = Decide(grant, admit) with { Judged = true };
            _grants[grant.Uid] = now;
            if (now.Outlook is { } outlook && outlook != grant.Outlook) changed(now.Pod, outlook);
            else if (now.Outlook is null && grant.Outlook is not null) changed(now.Pod, new(null, null));
        }
    }

    private Grant Decide(Grant grant, Func<V1Pod, AdmissionRefusal?> admit)
    {
        if (PodAllocation.Of(grant.Wanted.Spec) == grant.Allocation) return grant with { Pending = null, Since = null };
        ResizePending? pending = ResizeAdmission.Check(grant.Wanted, grant.Pod, admit, limits);
        PodAllocation next = pending is null ? PodAllocation.Of(grant.Wanted.Spec) : grant.Allocation;
        try
        {
            file.Write(grant.Uid, next);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What the next agent would not know of is not granted.
            AllocationNotKept(PodMessages.Format(grant.Wanted), e.Message);
            pending ??= new("UnexpectedAdmissionError", e.Message, grant.Wanted.Metadata.Generation ?? 0);
        }
        if (pending is null)
        {
            long generation = grant.Wanted.Metadata.Generation ?? 0;
            events.Normal(grant.Wanted, EventReasons.ResizeStarted, ResizeMessages.Started(grant.Wanted, generation));
            return grant with { Pod = grant.Wanted, Allocation = next, Pending = null, Since = null, Accepted = generation };
        }
        if (pending.Reason != grant.Pending?.Reason || pending.Generation != grant.Pending.Generation)
            events.Warning(grant.Wanted, pending.IsInfeasible ? EventReasons.ResizeInfeasible : EventReasons.ResizeDeferred, ResizeMessages.Waits(grant.Wanted, pending));
        return grant with { Pending = pending, Since = grant.Since ?? time.GetUtcNow() };
    }

    /// <summary>What an earlier agent had told the API server, so that it is not told anew.</summary>
    private static ResizePending? ToldBefore(V1Pod pod) =>
        pod.Status?.Conditions?.FirstOrDefault(c => c.Type == ResizeConditions.Pending && c.Status == "True") is { } told
            ? new(told.Reason ?? ResizePending.Deferred, told.Message ?? "", told.ObservedGeneration ?? 0) : null;

    /// <param name="Wanted">The newest object.</param>
    /// <param name="Pod">The same with the resources that it was granted.</param>
    private sealed record Grant(V1Pod Wanted, V1Pod Pod, PodAllocation Allocation)
    {
        public ResizePending? Pending { get; init; }

        public DateTimeOffset? Since { get; init; }

        public long? Accepted { get; init; }

        /// <summary>The newest object was looked at.</summary>
        public bool Judged { get; init; }

        public string Uid => Wanted.Metadata.Uid;

        public ResizeOutlook? Outlook => Pending is null && Accepted is null ? null : new(Pending, Accepted);
    }

    [LoggerMessage(LogLevel.Warning, "AllocationNotKept pod={Pod}: {Cause}; the resize waits")]
    private partial void AllocationNotKept(string pod, string cause);
}
