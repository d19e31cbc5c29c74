"""OpenCV, made silent before its first use.

OpenCV and the FFmpeg inside it write log lines of their own to stderr, some with the full address of a stream and so
with its password; with OPENCV_FFMPEG_DEBUG in the environment they do so on stdout. What went wrong is said by our own
errors instead. Import cv2 from here, wherever it is needed.
"""

import os

os.environ["OPENCV_LOG_LEVEL"] = "SILENT"
os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"  # AV_LOG_QUIET; read when the first video is opened
os.environ.pop("OPENCV_FFMPEG_DEBUG", None)

import cv2  # after the environment, which it reads when it is loaded

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # in case something imported it before us

__all__ = ["cv2"]
