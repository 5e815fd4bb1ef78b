#pragma once
void loud(int bad);
