using k8s.Models;
using NativeKubelet.Core.Objects;

namespace NativeKubelet.Runtime;

/// <summary>The service account tokens that pods' volumes show. They go to the pod that they are bound to and nowhere else.</summary>
public interface ITokens
{
    /// <summary>Those that the pod's volumes want, as far as they can be had now.</summary>
    ValueTask<PodTokens> ForAsync(V1Pod pod, CancellationToken cancel);

    /// <summary>Nothing of the pod is left: its tokens are let go of.</summary>
    void Forget(string podUid);

    /// <summary>Newer tokens are to be had for the pod of this UID. A handler does not wait.</summary>
    event Action<string>? Due;
}

/// <summary>A node alone has nobody who would know a service account.</summary>
public sealed class NoTokens : ITokens
{
    public event Action<string>? Due
    {
        add { }
        remove { }
    }

    public ValueTask<PodTokens> ForAsync(V1Pod pod, CancellationToken cancel) => ValueTask.FromResult(PodTokens.None);

    public void Forget(string podUid)
    {
    }
}
