using k8s.Models;
using NativeKubelet.Core.Events;
using NativeKubelet.Core.Resources;
using NativeKubelet.Core.Stats;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Stats;

namespace NativeKubelet.Pods;

/// <summary>Brings containers their images by pull policy (spec 30 §14); pulls of all pods take turns.</summary>
/// <param name="parallel">How many pulls run at a time; null has no limit.</param>
/// <param name="rate">How often one may begin. Who comes too early waits; the kubelet fails the pull and backs off.</param>
public sealed class ImagePulls(IImageStore images, PullSecrets secrets, PodEvents events, int? parallel, RateLimit rate, RuntimeOperations operations, PodStartups startups, TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim? _turns = parallel is { } most ? new(most) : null;
    private readonly Lock _gate = new();
    private readonly HistogramFamily _durations = new(
        "kubelet_image_pull_duration_seconds", "[ALPHA] Duration in seconds to pull an image.",
        new Buckets(1, 5, 10, 20, 30, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600), "image_size_in_bytes");
    private TimeSpan _due = TimeSpan.MinValue;

    /// <exception cref="ImageException">With the waiting reason; what people must know is told by events already.</exception>
    public Task<ImageRecord> EnsureAsync(V1Pod pod, V1Container container, CancellationToken cancel) =>
        EnsureAsync(pod, container.Name, container.Image, container.ImagePullPolicy, cancel);

    /// <param name="container">For whom: the one that runs the image, or mounts it.</param>
    /// <inheritdoc cref="EnsureAsync(V1Pod, V1Container, CancellationToken)" path="/exception"/>
    public async Task<ImageRecord> EnsureAsync(V1Pod pod, string container, string name, string policy, CancellationToken cancel)
    {
        ImageRecord? present = Find(pod, container, name);
        if (present is not null && policy != "Always")
        {
            startups.PullEnded(pod.Metadata.Uid, time.GetUtcNow());     // brought by another's pull since ours failed
            events.Normal(pod, EventReasons.Pulled, EventMessages.Present(name), container);
            return present;
        }
        if (policy == "Never")
        {
            events.Warning(pod, EventReasons.ErrImageNeverPull, EventMessages.NeverPull(name), container);
            throw new ImageException("ErrImageNeverPull", EventMessages.NeverPull(name));
        }
        startups.PullBegun(pod.Metadata.Uid, time.GetUtcNow());
        events.Normal(pod, EventReasons.Pulling, EventMessages.Pulling(name), container);
        try
        {
            ImageRecord pulled = await PullAsync(pod, container, name, policy, cancel);
            startups.PullEnded(pod.Metadata.Uid, time.GetUtcNow());
            return pulled;
        }
        catch (ImageException e)
        {
            events.Warning(pod, EventReasons.Failed, EventMessages.PullFailed(name, e.Message), container);
            throw;
        }
    }

    public void Write(MetricText to) => _durations.Write(to);

    public void Dispose() => _turns?.Dispose();

    private ImageRecord? Find(V1Pod pod, string container, string name)
    {
        try
        {
            return images.Find(name);
        }
        catch (ImageException e)
        {
            events.Warning(pod, EventReasons.InspectFailed, e.Message, container);
            throw;
        }
    }

    private async Task<ImageRecord> PullAsync(V1Pod pod, string container, string name, string policy, CancellationToken cancel)
    {
        long asked = time.GetTimestamp();
        if (_turns is not null) await _turns.WaitAsync(cancel);
        try
        {
            // The one before in the queue may have brought it.
            if (policy != "Always" && images.Find(name) is { } present)
            {
                events.Normal(pod, EventReasons.Pulled, EventMessages.Present(name), container);
                return present;
            }
            await RateAsync(cancel);
            long begun = time.GetTimestamp();
            using RuntimeOperations.Running pulling = operations.Begin("pull_image");
            ImageRecord image = await images.PullAsync(name, await secrets.ForAsync(pod, name, cancel), null, cancel);
            pulling.Succeed();
            _durations.Of(SizeOf(image.SizeBytes)).Observe(time.GetElapsedTime(asked));
            events.Normal(pod, EventReasons.Pulled, EventMessages.Pulled(name, time.GetElapsedTime(begun), time.GetElapsedTime(asked), image.SizeBytes), container);
            return image;
        }
        finally
        {
            _turns?.Release();
        }
    }

    /// <summary>Sizes as dashboards group them.</summary>
    private static string SizeOf(long bytes) => bytes switch
    {
        <= 0 => "N/A",
        <= 10L << 20 => "0-10MB",
        <= 100L << 20 => "10MB-100MB",
        <= 500L << 20 => "100MB-500MB",
        <= 1L << 30 => "500MB-1GB",
        <= 5L << 30 => "1GB-5GB",
        <= 10L << 30 => "5GB-10GB",
        <= 20L << 30 => "10GB-20GB",
        <= 30L << 30 => "20GB-30GB",
        <= 40L << 30 => "30GB-40GB",
        <= 60L << 30 => "40GB-60GB",
        <= 100L << 30 => "60GB-100GB",
        _ => "GT100GB",
    };

    private async Task RateAsync(CancellationToken cancel)
    {
        TimeSpan wait;
        lock (_gate) wait = rate.Take(ref _due, time.GetElapsedTime(0));
        if (wait > TimeSpan.Zero) await Task.Delay(wait, time, cancel);
    }
}
