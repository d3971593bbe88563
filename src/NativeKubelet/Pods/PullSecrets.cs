using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Events;
using NativeKubelet.Core.Objects;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Registry;

namespace NativeKubelet.Pods;

/// <summary>The credentials of a pod's imagePullSecrets. They go to the registry that they are filed for and nowhere else.</summary>
public sealed class PullSecrets(IObjects objects, PodEvents events)
{
    private const string Current = ".dockerconfigjson", Legacy = ".dockercfg";

    /// <returns>Those for the image, in the order of the secrets. One that is not there is told and left out: the image may need none.</returns>
    public async ValueTask<ImmutableArray<RegistryCredential>> ForAsync(V1Pod pod, string image, CancellationToken cancel)
    {
        if (pod.Spec.ImagePullSecrets is not { Count: > 0 } named || ImageReference.TryParse(image) is not { } reference) return [];
        NodeObjects known = await objects.ForAsync(pod, cancel);
        List<string> missing = [];
        ImmutableArray<RegistryCredential>.Builder found = ImmutableArray.CreateBuilder<RegistryCredential>();
        foreach (V1LocalObjectReference secret in named)
            if (Read(known.Secret(pod.Metadata.NamespaceProperty, secret.Name ?? "")) is { } config) found.AddRange(config.Find(reference.Domain, reference.Path));
            else missing.Add(secret.Name ?? "");
        if (missing.Count > 0) events.Warning(pod, EventReasons.FailedToRetrieveImagePullSecret, EventMessages.PullSecretsMissing(missing));
        return found.ToImmutable();
    }

    /// <returns>Null when it is not there, or holds no credentials that could be read.</returns>
    private static DockerConfig? Read(V1Secret? secret)
    {
        try
        {
            return secret?.Data is not { } data ? null
                : data.TryGetValue(Current, out byte[]? json) ? DockerConfig.Parse(json)
                : data.TryGetValue(Legacy, out byte[]? legacy) ? DockerConfig.ParseLegacy(legacy)
                : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
