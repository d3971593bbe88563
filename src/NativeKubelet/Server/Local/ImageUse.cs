using System.Collections.Immutable;
using NativeKubelet.Api.Local;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Images.Content;

namespace NativeKubelet.Server.Local;

/// <summary>A container of a pod, as far as it is about its image.</summary>
/// <param name="Image">As asked for, or its tag.</param>
/// <param name="ImageId">Repository digest or configuration digest.</param>
internal sealed record ImageUser(string Pod, string Container, string Image, string ImageId);

/// <summary>Who needs an image, told from what the runtime says of its containers.</summary>
internal static class ImageUse
{
    public static IEnumerable<ImageUser> Users(ImmutableArray<SandboxState> sandboxes) =>
        from sandbox in sandboxes
        from container in sandbox.Containers
        select new ImageUser($"{sandbox.PodNamespace}/{sandbox.PodName}", container.Name, container.Image, container.ImageId);

    public static ImageDocument Document(ImageRecord image, IEnumerable<ImageUser> users) => new(
        image.Id, image.RepoTags, image.RepoDigests, image.SizeBytes, image.Pinned,
        [.. Of(image, users).Select(u => u.Pod).Distinct().Order(StringComparer.Ordinal)]);

    /// <returns>Why the image may not go; null if it may.</returns>
    public static string? Refusal(ImageRecord image, string reference, IEnumerable<ImageUser> users)
    {
        ImageUser[] own = [.. Of(image, users)];
        if (own.Length == 0) return null;
        // One name of many may go, unless it is the one that a container was asked for by.
        string? name = reference == image.Id ? null : ImageReference.TryParse(reference)?.Tagged;
        if (name is not null && image.RepoTags.Contains(name) && image.RepoTags.Length > 1 && !own.Any(u => u.Image == reference || u.Image == name)) return null;
        string by = string.Join(", ", own.Select(u => $"{u.Pod} (container {u.Container})").Distinct().Order(StringComparer.Ordinal));
        return $"image \"{reference}\" is in use by {by}; remove the pod first, or use --force (containers that exist keep their files)";
    }

    private static IEnumerable<ImageUser> Of(ImageRecord image, IEnumerable<ImageUser> users) =>
        users.Where(u => u.ImageId == image.Id || image.RepoDigests.Contains(u.ImageId) || image.RepoTags.Contains(u.ImageId));
}
